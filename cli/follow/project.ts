import type { ProjectStatus } from "#contracts/api.ts";
import type { ApiClient } from "../api/client.ts";
import { getProject } from "../api/resources.ts";
import { watch } from "./watch.ts";

/** A project's status now and after every change of it; undefined when it is gone. */
export function followProject(
  api: ApiClient,
  project: string,
  cursor: number,
  signal: AbortSignal,
): AsyncIterable<ProjectStatus | undefined> {
  const isAbout = ({ subject }: { subject: string }): boolean => subject === project || subject.startsWith(`${project}/`);
  return watch({ api, since: cursor, isAbout, signal }, (each) => getProject(api, project, each));
}

/** What `up` waits for. started: every process runs that can. ready: all is as wanted, and healthy. */
export type Goal = "started" | "ready";

/**
 * Whether a project has come to its goal. A failed service decides only when the others have come to rest, so that every
 * failure is reported.
 */
export function judge(status: ProjectStatus, goal: Goal): "reached" | "failed" | "under way" {
  const { services } = status;
  const moving = services.filter(({ state, running, replicas }) => {
    if (state === "waiting") return true;
    return state === "progressing" && (goal === "ready" || running < replicas || replicas === 0);
  });
  if (moving.length > 0) return "under way";
  if (services.some(({ state }) => state === "failed") || status.state === "failed") return "failed";
  return goal === "started" || status.state === "ready" || status.state === "stopped" ? "reached" : "under way";
}

/** True when no process of it runs and none will. */
export function isAtRest(status: ProjectStatus): boolean {
  return status.services.every(({ state, running }) => running === 0 && state !== "waiting" && state !== "progressing");
}
