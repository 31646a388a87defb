import { INSTANCE_NAME_PATTERN, MAXIMUM_REPLICAS, RESOURCE_NAME_PATTERN } from "../wire-names.ts";
import type { DependencyCondition, ServiceSpec } from "../service-spec.ts";
import { type EnvironmentSource, readEnvironment } from "./environment.ts";
import { readHealthcheck } from "./healthcheck.ts";
import { readDevices } from "./devices.ts";
import { readLimits } from "./limits.ts";
import type { LocatedScalar } from "./located.ts";
import { readMounts } from "./mounts.ts";
import { parseExposed, readPorts } from "./ports.ts";
import {
  parseCapability,
  parseHostname,
  parseRestart,
  parseSignal,
  parseUser,
  parseWorkingDir,
} from "./process-settings.ts";
import { parseDurationMs } from "./quantities.ts";
import type { Section } from "./section.ts";
import { readSlipwayExtension } from "./slipway-extension.ts";
import { splitCommand } from "./split-command.ts";

const DEFAULT_STOP_GRACE_PERIOD_MS = 10_000;
const INSTANCE_NAME = new RegExp(INSTANCE_NAME_PATTERN);
const RESOURCE_NAME = new RegExp(RESOURCE_NAME_PATTERN);
const CONDITIONS: readonly DependencyCondition[] = ["service_started", "service_healthy", "service_completed_successfully"];

/** One service, resolved. What is wrong goes to the section's report, and the spec is then not to be used. */
export function readService(name: string, service: Section, source: EnvironmentSource): ServiceSpec {
  const healthcheck = readHealthcheck(service);
  const replicas =
    service.section("deploy")?.number("replicas", { integer: true, minimum: 0, maximum: MAXIMUM_REPLICAS }) ?? 1;
  return {
    name,
    image: readImage(service),
    ...optional("command", readCommand(service, "command")),
    ...optional("entrypoint", readCommand(service, "entrypoint")),
    environment: readEnvironment(service, source),
    ...optional("workingDir", service.parsedKey("working_dir", parseWorkingDir)),
    ...optional("user", service.parsedKey("user", parseUser)),
    ...optional("hostname", service.parsedKey("hostname", parseHostname)),
    ...optional("containerName", readContainerName(service, replicas)),
    ports: readPorts(service),
    expose: service.scalars("expose").flatMap((scalar) => service.parsed("expose", scalar, parseExposed) ?? []),
    mounts: readMounts(service, source.directory),
    networks: readNetworks(service),
    dependsOn: readDependsOn(service),
    ...optional("healthcheck", healthcheck === "disabled" ? undefined : healthcheck),
    healthcheckDisabled: healthcheck === "disabled",
    restart: service.parsedKey("restart", parseRestart) ?? { name: "no" },
    ...optional("stopSignal", service.parsedKey("stop_signal", parseSignal)),
    stopGracePeriodMs: service.parsedKey("stop_grace_period", parseDurationMs) ?? DEFAULT_STOP_GRACE_PERIOD_MS,
    readOnly: service.boolean("read_only") ?? false,
    capAdd: readCapabilities(service, "cap_add"),
    capDrop: readCapabilities(service, "cap_drop"),
    limits: readLimits(service),
    ...optional("devices", nonEmpty(readDevices(service))),
    ...optional("oomScoreAdj", service.number("oom_score_adj", { integer: true, minimum: -1000, maximum: 1000 })),
    labels: service.stringRecord("labels"),
    init: service.boolean("init") ?? false,
    replicas,
    slipway: readSlipwayExtension(service),
  };
}

function readImage(service: Section): string {
  const image = service.scalar("image");
  if (image === undefined) {
    // One mistake is reported once: `build` is refused by the key table, and an image may lack the variable that it needs.
    const written = service.map.entries.get("image")?.value;
    const isReported = written !== undefined && service.report.knows(written.place);
    if (!service.map.entries.has("build") && !isReported)
      service.fail("SLIPWAY_COMPOSE_IMAGE_MISSING", `${service.path} names no image`, service.place);
    return "";
  }
  if (!/^[^\s]+$/.test(image.text)) {
    service.fail(
      "SLIPWAY_COMPOSE_VALUE",
      `${service.path}.image: ${JSON.stringify(image.text)} is no image's reference`,
      image.place,
    );
  }
  return image.text;
}

function readCommand(service: Section, name: "command" | "entrypoint"): string[] | undefined {
  const value = service.get(name);
  if (value === undefined) return undefined;
  if (value.kind === "scalar") return service.parsed(name, value, splitCommand);
  return service.scalars(name).map(({ text }) => text);
}

function readContainerName(service: Section, replicas: number): string | undefined {
  const name = service.scalar("container_name");
  if (name === undefined) return undefined;
  if (!INSTANCE_NAME.test(name.text)) {
    const message = `${service.path}.container_name: ${JSON.stringify(name.text)} is no container's name`;
    service.fail("SLIPWAY_COMPOSE_NAME", message, name.place);
  }
  if (replicas > 1) {
    const message = `${service.path} has ${replicas} replicas, and container_name names one container`;
    service.fail("SLIPWAY_COMPOSE_CONFLICT", message, name.place, { remedy: "Remove container_name, or run one replica." });
  }
  return name.text;
}

/** `networks`; absent is the project's `default`. */
function readNetworks(service: Section): ServiceSpec["networks"] {
  const value = service.get("networks");
  if (value === undefined) return [{ name: "default", aliases: [] }];
  if (value.kind !== "map") return service.scalars("networks").map(({ text }) => ({ name: text, aliases: [] }));
  const networks = service.section("networks")!;
  return [...value.entries.keys()].map((name) => {
    const aliases = networks.section(name)?.scalars("aliases") ?? [];
    return { name, aliases: aliases.flatMap((alias) => checkedAlias(networks, alias)) };
  });
}

function checkedAlias(networks: Section, alias: LocatedScalar): string[] {
  if (alias.text.split(".").every((label) => RESOURCE_NAME.test(label))) return [alias.text];
  networks.fail(
    "SLIPWAY_COMPOSE_NAME",
    `${networks.path}: the alias ${JSON.stringify(alias.text)} is no DNS name`,
    alias.place,
  );
  return [];
}

function readDependsOn(service: Section): ServiceSpec["dependsOn"] {
  const value = service.get("depends_on");
  if (value === undefined) return {};
  if (value.kind !== "map") {
    const started = { condition: "service_started", required: true, restart: false } as const;
    return Object.fromEntries(service.scalars("depends_on").map(({ text }) => [text, started]));
  }
  const dependencies = service.section("depends_on")!;
  return Object.fromEntries([...value.entries.keys()].map((name) => [name, readDependency(dependencies, name)]));
}

function readDependency(dependencies: Section, name: string): ServiceSpec["dependsOn"][string] {
  const section = dependencies.section(name);
  const condition = section?.string("condition") ?? "service_started";
  if (!(CONDITIONS as readonly string[]).includes(condition)) {
    const message = `${dependencies.path}.${name}.condition is ${CONDITIONS.join(", ")}, not ${JSON.stringify(condition)}`;
    dependencies.fail("SLIPWAY_COMPOSE_VALUE", message, section!.placeOf("condition"));
  }
  return {
    condition: condition as DependencyCondition,
    required: section?.boolean("required") ?? true,
    restart: section?.boolean("restart") ?? false,
  };
}

function readCapabilities(service: Section, name: "cap_add" | "cap_drop"): string[] {
  return service.scalars(name).flatMap((scalar) => service.parsed(name, scalar, parseCapability) ?? []);
}

function nonEmpty<Item>(items: Item[]): Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

/** Under exactOptionalPropertyTypes an absent property is absent, not undefined. */
function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}
