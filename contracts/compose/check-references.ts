import type { ProjectSpec } from "../project-spec.ts";
import type { PublishedPort, ServiceSpec } from "../service-spec.ts";
import { findCycle } from "./find-cycle.ts";
import type { Section } from "./section.ts";
import { suggest } from "./suggest.ts";

/** What only shows when the whole file is seen: names that name nothing, cycles, and things that two services both claim. */
export function checkReferences(project: ProjectSpec, services: Section): void {
  for (const spec of Object.values(project.services)) checkNames(project, spec, services);
  checkCycle(project, services);
  checkClaims(project, services);
}

function checkNames(project: ProjectSpec, spec: ServiceSpec, services: Section): void {
  const known = (key: string, kind: string, names: Iterable<string>, candidates: Record<string, unknown>): void => {
    for (const name of names) {
      if (!Object.hasOwn(candidates, name)) reportUndefined(services, spec.name, key, kind, name, Object.keys(candidates));
    }
  };
  known("depends_on", "service", Object.keys(spec.dependsOn), project.services);
  known(
    "networks",
    "network",
    spec.networks.map(({ name }) => name),
    project.networks,
  );
  const volumes = spec.mounts.flatMap((mount) => (mount.type === "volume" && mount.volume !== "" ? [mount.volume] : []));
  known("volumes", "volume", volumes, project.volumes);
}

function reportUndefined(
  services: Section,
  service: string,
  key: string,
  kind: string,
  name: string,
  there: string[],
): void {
  const meant = suggest(name, there);
  const list = there.length === 0 ? `no ${kind} is` : `there are: ${there.join(", ")}`;
  const declare = kind === "service" ? "Correct the name" : `Declare it at the top level (${kind}s:), or correct the name`;
  services.fail(
    "SLIPWAY_COMPOSE_UNDEFINED",
    `services.${service}.${key} names the ${kind} ${JSON.stringify(name)}, and ${list} declared`,
    placeOf(services, service, key),
    {
      remedy: meant === undefined ? `${declare}.` : `Did you mean ${JSON.stringify(meant)}?`,
    },
  );
}

function checkCycle(project: ProjectSpec, services: Section): void {
  const edges = new Map(Object.values(project.services).map((spec) => [spec.name, Object.keys(spec.dependsOn)]));
  const cycle = findCycle(edges);
  if (cycle === undefined) return;
  services.fail(
    "SLIPWAY_COMPOSE_CYCLE",
    `depends_on goes round in a circle: ${cycle.join(" → ")}`,
    placeOf(services, cycle[0]!, "depends_on"),
  );
}

function checkClaims(project: ProjectSpec, services: Section): void {
  const names = new Map<string, string>();
  const routes = new Map<string, string>();
  const ports: { service: string; port: PublishedPort }[] = [];
  const claim = (taken: Map<string, string>, what: string, value: string, service: string, key: string): void => {
    const other = taken.get(value);
    if (other !== undefined) conflict(services, service, key, `${what} is claimed by ${claimants(other, service)}`);
    taken.set(value, service);
  };
  for (const spec of Object.values(project.services)) {
    if (spec.containerName !== undefined) {
      claim(names, `the container name ${spec.containerName}`, spec.containerName, spec.name, "container_name");
    }
    for (const route of spec.slipway.routes) {
      claim(routes, `the route ${route.host}${route.path}`, `${route.host} ${route.path}`, spec.name, "x-slipway");
    }
    for (const port of spec.ports) checkPort(port, spec, ports, services);
  }
}

function checkPort(
  port: PublishedPort,
  spec: ServiceSpec,
  claimed: { service: string; port: PublishedPort }[],
  services: Section,
): void {
  if (port.hostPort === 0) return;
  const what = `the host port ${port.hostPort}/${port.protocol}`;
  const other = claimed.find((claim) => overlaps(claim.port, port));
  if (other !== undefined)
    conflict(services, spec.name, "ports", `${what} is claimed by ${claimants(other.service, spec.name)}`);
  else if (spec.replicas > 1)
    conflict(services, spec.name, "ports", `${what} is claimed by all ${spec.replicas} replicas of ${spec.name}`);
  claimed.push({ service: spec.name, port });
}

function overlaps(a: PublishedPort, b: PublishedPort): boolean {
  const anywhere = (address: string): boolean => address === "0.0.0.0" || address === "::";
  const sameAddress = a.hostIp === b.hostIp || anywhere(a.hostIp) || anywhere(b.hostIp);
  return a.hostPort === b.hostPort && a.protocol === b.protocol && sameAddress;
}

function claimants(first: string, second: string): string {
  return first === second ? `${first} twice` : `both ${first} and ${second}`;
}

function conflict(services: Section, service: string, key: string, message: string): void {
  services.fail("SLIPWAY_COMPOSE_CONFLICT", message, placeOf(services, service, key));
}

function placeOf(services: Section, service: string, key: string): Section["place"] {
  const value = services.map.entries.get(service)?.value;
  const entry = value?.kind === "map" ? value.entries.get(key) : undefined;
  return entry?.keyPlace ?? services.placeOf(service);
}
