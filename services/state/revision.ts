import { createHash } from "node:crypto";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";

const REVISION_DIGITS = 16;

/** JSON with sorted keys and without undefined values: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * What makes a container of this service, hashed: 16 hex digits. How many there are, what they wait for and how the gateway
 * reaches them can change without a new container, so they are left out. A dependency with `restart: true` is part of
 * it: when that is replaced, so is this.
 */
export function serviceRevision(project: ProjectSpec, name: string): string {
  let known = computed.get(project);
  if (known === undefined) computed.set(project, (known = new Map()));
  let revision = known.get(name);
  if (revision === undefined) known.set(name, (revision = revisionWithin(project, name, [])));
  return revision;
}

/** A spec is parsed once and never changed, and its revisions are asked for at every change of anything. */
const computed = new WeakMap<ProjectSpec, Map<string, string>>();

function revisionWithin(project: ProjectSpec, name: string, path: readonly string[]): string {
  const service = project.services[name];
  if (service === undefined || path.includes(name)) return "";
  const { replicas: _replicas, dependsOn, slipway, ...container } = service;
  const { routes: _routes, ...subjects } = slipway;
  const restartWith = Object.entries(dependsOn)
    .filter(([, dependency]) => dependency.restart)
    .map(([dependency]) => [dependency, revisionWithin(project, dependency, [...path, name])]);
  const content = {
    container,
    subjects,
    networks: pick(project.networks, networksOf(service)),
    volumes: pick(project.volumes, volumesOf(service)),
    ...(restartWith.length === 0 ? {} : { restartWith: Object.fromEntries(restartWith) }),
  };
  return createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, REVISION_DIGITS);
}

/** The keys of the project's networks that a service joins, in its order. */
export function networksOf(service: ServiceSpec): string[] {
  return service.networks.map((network) => network.name);
}

/** The keys of the project's volumes that a service mounts. */
export function volumesOf(service: ServiceSpec): string[] {
  return service.mounts.flatMap((mount) => (mount.type === "volume" && mount.volume !== "" ? [mount.volume] : []));
}

/** The entries with these keys, where there are such. */
export function pick<Value>(record: Record<string, Value>, keys: readonly string[]): Record<string, Value> {
  const picked: Record<string, Value> = {};
  for (const key of keys) {
    const value = record[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}
