import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { PublishedPort, ServiceSpec } from "#contracts/service-spec.ts";
import type { Snapshot } from "#services/state/snapshot.ts";
import { apiError } from "../errors.ts";

/** Something that only one service of a platform can have, and who has it. */
interface Claim<What> {
  what: What;
  owner: string;
}

/**
 * Refuses a route, a host port or a container name that somebody else has: in the other projects, in the instances of `slipway run`, or
 * twice in the project itself.
 */
export function checkNeighbours(spec: ProjectSpec, snapshot: Snapshot): void {
  const others = othersThan(spec.name, snapshot);
  const own = Object.values(spec.services).map((service) => ({ service, owner: `${spec.name}/${service.name}` }));
  checkRoutes(claims(own, routesOf), claims(others, routesOf));
  checkPorts(claims(own, fixedPorts), claims(others, fixedPorts));
  checkContainerNames(claims(own, containerNames), claims(others, containerNames));
}

/** The same for one instance of `slipway run`. */
export function checkOneOffNeighbours(service: ServiceSpec, project: string, snapshot: Snapshot): void {
  const own = [{ service, owner: `${project}/${service.name}` }];
  const others = othersThan(undefined, snapshot);
  checkPorts(claims(own, fixedPorts), claims(others, fixedPorts));
  checkContainerNames(claims(own, containerNames), claims(others, containerNames));
}

interface Owned {
  service: ServiceSpec;
  owner: string;
}

function othersThan(project: string | undefined, snapshot: Snapshot): Owned[] {
  const applied = snapshot.desired
    .filter(({ key }) => key !== project)
    .flatMap(({ key, value }) =>
      Object.values(value.spec.services).map((service) => ({ service, owner: `${key}/${service.name}` })),
    );
  const oneOffs = snapshot.assignments
    .filter(({ value }) => value.attached !== undefined && value.desired === "running")
    .map(({ value }) => ({ service: value.spec, owner: value.name }));
  return [...applied, ...oneOffs];
}

function claims<What>(owned: readonly Owned[], of: (service: ServiceSpec) => What[]): Claim<What>[] {
  return owned.flatMap(({ service, owner }) => of(service).map((what) => ({ what, owner })));
}

const routesOf = ({ slipway }: ServiceSpec): string[] => slipway.routes.map(({ host, path }) => `${host}${path}`);
const fixedPorts = ({ ports, replicas }: ServiceSpec): PublishedPort[] =>
  replicas === 0 ? [] : ports.filter((port) => port.hostPort !== 0);
const containerNames = ({ containerName }: ServiceSpec): string[] => (containerName === undefined ? [] : [containerName]);

function checkRoutes(own: readonly Claim<string>[], others: readonly Claim<string>[]): void {
  const conflict = firstConflict(own, others, (a, b) => a === b);
  if (conflict === undefined) return;
  const { claim, owner } = conflict;
  throw apiError("SLIPWAY_API_ROUTE_CONFLICT", `${claim.owner} wants the route ${claim.what}, which ${owner} has`);
}

function checkPorts(own: readonly Claim<PublishedPort>[], others: readonly Claim<PublishedPort>[]): void {
  const conflict = firstConflict(own, others, overlap);
  if (conflict === undefined) return;
  const { claim, owner } = conflict;
  const port = `${claim.what.hostPort}/${claim.what.protocol}`;
  throw apiError("SLIPWAY_API_PORT_CONFLICT", `${claim.owner} wants the host's port ${port}, which ${owner} has`);
}

function checkContainerNames(own: readonly Claim<string>[], others: readonly Claim<string>[]): void {
  const conflict = firstConflict(own, others, (a, b) => a === b);
  if (conflict === undefined) return;
  const { claim, owner } = conflict;
  throw apiError("SLIPWAY_API_NAME_CONFLICT", `${claim.owner} wants the name ${claim.what}, which ${owner} has`);
}

const WILDCARDS = ["0.0.0.0", "::", ""];

function overlap(a: PublishedPort, b: PublishedPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  return a.hostIp === b.hostIp || WILDCARDS.includes(a.hostIp) || WILDCARDS.includes(b.hostIp);
}

function firstConflict<What>(
  own: readonly Claim<What>[],
  others: readonly Claim<What>[],
  same: (a: What, b: What) => boolean,
): { claim: Claim<What>; owner: string } | undefined {
  for (const [index, claim] of own.entries()) {
    const holder = [...others, ...own.slice(0, index)].find(({ what }) => same(what, claim.what));
    if (holder !== undefined) return { claim, owner: holder.owner };
  }
  return undefined;
}
