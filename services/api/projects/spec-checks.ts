import { RUN_PROJECT } from "#contracts/instance.ts";
import { RESOURCE_NAME_PATTERN } from "#contracts/names.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { networksOf, volumesOf } from "#services/state/revision.ts";
import { apiError } from "../errors.ts";

/** What a schema cannot say of a project: its parts fit together. Throws the first thing that does not. */
export function checkSpec(spec: ProjectSpec, name: string): void {
  if (spec.name !== name) throw invalid(`the path names project ${name}, the body ${spec.name}`);
  if (name === RUN_PROJECT) throw invalid(`${RUN_PROJECT} is the project of \`slipway run\` and cannot be applied`);
  for (const part of ["services", "networks", "volumes"] as const) checkKeys(spec, part);
  for (const service of Object.values(spec.services)) checkService(spec, service);
  checkNoCycle(spec);
  for (const [service, duplicate] of duplicateContainerNames(spec)) {
    throw invalid(`services ${service} and ${duplicate} have the same container_name`);
  }
}

function checkKeys(spec: ProjectSpec, part: "services" | "networks" | "volumes"): void {
  for (const [key, value] of Object.entries(spec[part])) {
    if (key !== value.name) throw invalid(`${part}.${key} is named ${value.name}: key and name must be equal`);
    if (!new RegExp(RESOURCE_NAME_PATTERN).test(key)) throw invalid(`${part}.${key} is not a name that can be used`);
  }
}

/** References to other parts of the project, and what only one replica may have. */
export function checkService(spec: Pick<ProjectSpec, "services" | "networks" | "volumes">, service: ServiceSpec): void {
  const { name, replicas, containerName, dependsOn, ports } = service;
  for (const network of networksOf(service)) requireKey(spec.networks, network, `services.${name} joins network`);
  for (const volume of volumesOf(service)) requireKey(spec.volumes, volume, `services.${name} mounts volume`);
  for (const [dependency, { required }] of Object.entries(dependsOn)) {
    if (required) requireKey(spec.services, dependency, `services.${name} depends on`);
  }
  if (replicas <= 1) return;
  if (containerName !== undefined) throw invalid(`services.${name} has a container_name and ${replicas} replicas`);
  const fixed = ports.find((port) => port.hostPort !== 0);
  if (fixed === undefined) return;
  throw apiError(
    "SLIPWAY_API_PORT_CONFLICT",
    `services.${name} has ${replicas} replicas, which cannot all have port ${fixed.hostPort} of one host`,
  );
}

function requireKey(record: Record<string, unknown>, key: string, what: string): void {
  if (Object.hasOwn(record, key)) return;
  const there = Object.keys(record);
  throw invalid(
    `${what} ${key}, which the project does not have; it has ${there.length === 0 ? "none" : there.join(", ")}`,
  );
}

function checkNoCycle(spec: ProjectSpec): void {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name);
    if (start >= 0) throw invalid(`depends_on goes round in a circle: ${[...path.slice(start), name].join(" → ")}`);
    if (done.has(name)) return;
    for (const dependency of Object.keys(spec.services[name]?.dependsOn ?? {})) visit(dependency, [...path, name]);
    done.add(name);
  };
  for (const name of Object.keys(spec.services)) visit(name, []);
}

function* duplicateContainerNames(spec: ProjectSpec): Generator<[string, string]> {
  const seen = new Map<string, string>();
  for (const { name, containerName } of Object.values(spec.services)) {
    if (containerName === undefined) continue;
    const earlier = seen.get(containerName);
    if (earlier !== undefined) yield [earlier, name];
    seen.set(containerName, name);
  }
}

const invalid = (message: string): SlipwayError => apiError("SLIPWAY_API_PROJECT_INVALID", message);
