import { RESOURCE_NAME_PATTERN } from "../wire-names.ts";
import type { NetworkSpec, ProjectSpec, VolumeSpec } from "../project-spec.ts";
import type { ServiceSpec } from "../service-spec.ts";
import type { EnvironmentSource } from "./environment.ts";
import { checkInactiveDependencies, dropInactive } from "./profiles.ts";
import type { Section } from "./section.ts";
import { readService } from "./service.ts";

const RESOURCE_NAME = new RegExp(RESOURCE_NAME_PATTERN);

export interface ProjectSource extends EnvironmentSource {
  /** The profiles in force. */
  profiles: ReadonlySet<string>;
}

/** The whole file, read: services in force, networks (with `default` where a service is on it) and volumes. */
export function readProject(name: string, file: Section, source: ProjectSource): ProjectSpec {
  if (file.map.entries.has("version")) {
    file.report.warn(
      "`version` is obsolete in the Compose Specification and is not used",
      file.map.entries.get("version")!.keyPlace,
    );
  }
  const services = readNamed(file, "services", (service, section) => readService(service, section, source));
  if (Object.keys(services).length === 0 && !file.report.failed) {
    file.fail("SLIPWAY_COMPOSE_NO_SERVICES", "the file declares no services", file.placeOf("services"));
  }
  const inactive = dropInactive(services, file, source.profiles);
  for (const spec of Object.values(services)) dropOptional(spec, services, file);
  checkInactiveDependencies(services, inactive, file);
  const networks = readNamed(file, "networks", readNetwork);
  if (!("default" in networks) && usesDefault(services))
    networks.default = { name: "default", internal: false, labels: {} };
  return { name, services, networks, volumes: readNamed(file, "volumes", readVolume) };
}

function readNetwork(name: string, network: Section): NetworkSpec {
  const driver = network.string("driver") ?? "bridge";
  if (driver !== "bridge") {
    network.fail(
      "SLIPWAY_COMPOSE_VALUE",
      `${network.path}.driver is bridge, not ${JSON.stringify(driver)}`,
      network.placeOf("driver"),
    );
  }
  return { name, internal: network.boolean("internal") ?? false, labels: network.stringRecord("labels") };
}

function readVolume(name: string, volume: Section): VolumeSpec {
  return {
    name,
    driver: volume.string("driver") ?? "local",
    driverOptions: volume.stringRecord("driver_opts"),
    labels: volume.stringRecord("labels"),
  };
}

/** The entries of a top-level map whose keys are names. An entry without a value (`data:`) is one with nothing in it. */
function readNamed<Spec>(file: Section, key: string, read: (name: string, section: Section) => Spec): Record<string, Spec> {
  const section = file.section(key);
  const specs: [string, Spec][] = [];
  for (const [name, entry] of section?.map.entries ?? []) {
    if (!RESOURCE_NAME.test(name)) {
      file.fail("SLIPWAY_COMPOSE_NAME", `${JSON.stringify(name)} is no name of one of the ${key}`, entry.keyPlace);
      continue;
    }
    const value = section!.get(name) ?? { kind: "map" as const, entries: new Map(), place: entry.keyPlace };
    const inner = file.asSection(value, `${key}.${name}`);
    if (inner !== undefined) specs.push([name, read(name, inner)]);
  }
  return Object.fromEntries(specs);
}

/** A dependency that is not required may be one that is not there: it then holds nothing back. */
function dropOptional(spec: ServiceSpec, services: Record<string, ServiceSpec>, file: Section): void {
  for (const [name, dependency] of Object.entries(spec.dependsOn)) {
    if (dependency.required || Object.hasOwn(services, name)) continue;
    delete spec.dependsOn[name];
    if (!file.section("services")!.map.entries.has(name))
      file.report.warn(`${spec.name} depends on ${name}, which is not there and not required`, file.placeOf("services"));
  }
}

function usesDefault(services: Record<string, ServiceSpec>): boolean {
  return Object.values(services).some((spec) => spec.networks.some((network) => network.name === "default"));
}
