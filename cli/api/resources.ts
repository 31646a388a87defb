import type {
  ApplyResult,
  DoctorCheck,
  ImageInfo,
  InstanceDetails,
  LaunchReport,
  NetworkInfo,
  ProjectStatus,
  VersionInfo,
  VolumeInfo,
} from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import type { SpanBatch, Trace, TraceSummary } from "#contracts/trace.ts";
import type { ApiClient } from "./client.ts";

/** The API's single answers, by name; long ones are read with `ApiClient.lines`. */

export const getVersion = (api: ApiClient, signal: AbortSignal): Promise<VersionInfo> =>
  api.one<VersionInfo>({ path: ["version"], signal });

export const applyProject = (api: ApiClient, spec: ProjectSpec, signal: AbortSignal): Promise<ApplyResult> =>
  api.one<ApplyResult>({ method: "PUT", path: ["projects", spec.name], body: spec, signal });

export const listProjects = (api: ApiClient, signal: AbortSignal): Promise<ProjectStatus[]> =>
  api.list<ProjectStatus>({ path: ["projects"], signal });

export const deleteProject = (
  api: ApiClient,
  project: string,
  volumes: boolean,
  signal: AbortSignal,
): Promise<ApplyResult> =>
  api.one<ApplyResult>({ method: "DELETE", path: ["projects", project], query: { volumes }, signal });

/** Undefined when there is no such project (any more). */
export async function getProject(api: ApiClient, project: string, signal: AbortSignal): Promise<ProjectStatus | undefined> {
  try {
    return await api.one<ProjectStatus>({ path: ["projects", project], signal });
  } catch (error) {
    if (error instanceof SlipwayError && error.status === 404) return undefined;
    throw error;
  }
}

export interface InstanceFilter {
  project?: string | undefined;
  service?: string | undefined;
  /** Those that do not run, too. */
  all?: boolean;
}

export const listInstances = (api: ApiClient, filter: InstanceFilter, signal: AbortSignal): Promise<ObservedInstance[]> =>
  api.list<ObservedInstance>({ path: ["instances"], query: { ...filter }, signal });

export const getInstance = (api: ApiClient, ref: string, signal: AbortSignal): Promise<InstanceDetails> =>
  api.one<InstanceDetails>({ path: ["instances", ref], signal });

export const getLaunchReport = (api: ApiClient, ref: string, signal: AbortSignal): Promise<LaunchReport> =>
  api.one<LaunchReport>({ path: ["instances", ref, "plan"], signal });

/** What is done to one instance by a POST without a body. */
export type InstanceOperation = "stop" | "start" | "restart" | "pause" | "unpause";

export const operateInstance = (
  api: ApiClient,
  ref: string,
  operation: InstanceOperation,
  signal: AbortSignal,
): Promise<ObservedInstance> => api.one<ObservedInstance>({ method: "POST", path: ["instances", ref, operation], signal });

export const removeInstance = (api: ApiClient, ref: string, force: boolean, signal: AbortSignal): Promise<string> =>
  api.text({ method: "DELETE", path: ["instances", ref], query: { force }, signal });

export const listImages = (api: ApiClient, signal: AbortSignal): Promise<ImageInfo[]> =>
  api.list<ImageInfo>({ path: ["images"], signal });
export const listVolumes = (api: ApiClient, signal: AbortSignal): Promise<VolumeInfo[]> =>
  api.list<VolumeInfo>({ path: ["volumes"], signal });
export const getVolume = (api: ApiClient, name: string, signal: AbortSignal): Promise<VolumeInfo> =>
  api.one<VolumeInfo>({ path: ["volumes", name], signal });
export const listNetworks = (api: ApiClient, signal: AbortSignal): Promise<NetworkInfo[]> =>
  api.list<NetworkInfo>({ path: ["networks"], signal });
export const getNetwork = (api: ApiClient, name: string, signal: AbortSignal): Promise<NetworkInfo> =>
  api.one<NetworkInfo>({ path: ["networks", name], signal });
export const listTraces = (
  api: ApiClient,
  query: { project?: string | undefined; service?: string | undefined; since?: string | undefined; limit?: number },
  signal: AbortSignal,
): Promise<TraceSummary[]> => api.list<TraceSummary>({ path: ["traces"], query, signal });
export const getTrace = (api: ApiClient, id: string, signal: AbortSignal): Promise<Trace> =>
  api.one<Trace>({ path: ["traces", id], signal });
export async function recordSpans(api: ApiClient, batch: SpanBatch, signal: AbortSignal): Promise<void> {
  await api.text({ method: "POST", path: ["traces"], body: batch, signal });
}
export const getDoctorChecks = (api: ApiClient, signal: AbortSignal): Promise<DoctorCheck[]> =>
  api.list<DoctorCheck>({ path: ["doctor"], signal });
