import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseEnvFile } from "#contracts/compose/env-file.ts";
import { parseMemoryBytes } from "#contracts/compose/limits.ts";
import { parseMountShort, parseTmpfsShort } from "#contracts/compose/mounts.ts";
import { parsePortShort } from "#contracts/compose/ports.ts";
import {
  parseCapability,
  parseHostname,
  parseRestart,
  parseSignal,
  parseUser,
  parseWorkingDir,
} from "#contracts/compose/process-settings.ts";
import { parseDurationMs } from "#contracts/compose/quantities.ts";
import type { ResourceLimits, ServiceSpec } from "#contracts/service-spec.ts";
import { cliError } from "./errors.ts";
import type { FlagTable, FlagValues } from "./verb.ts";

/** Docker's flags for what a container is; each has the form that Compose's key has. */
export const RUN_FLAGS = {
  env: {
    type: "string",
    short: "e",
    multiple: true,
    value: "KEY[=VALUE]",
    help: "an environment variable; without a value that of the shell",
  },
  "env-file": { type: "string", multiple: true, value: "FILE", help: "environment variables from a file" },
  volume: {
    type: "string",
    short: "v",
    multiple: true,
    value: "SOURCE:TARGET[:ro]",
    help: "a volume, or a path (./data, /srv) of this machine",
  },
  tmpfs: { type: "string", multiple: true, value: "TARGET[:size=64m]", help: "a file system in memory" },
  workdir: { type: "string", short: "w", value: "DIR", help: "the working directory" },
  user: { type: "string", short: "u", value: "USER[:GROUP]", help: "names or numbers" },
  publish: { type: "string", short: "p", multiple: true, value: "[IP:]HOST:CONTAINER", help: "a port of this machine" },
  name: { type: "string", value: "NAME", help: "the container's name" },
  hostname: { type: "string", value: "NAME", help: "its host name" },
  label: { type: "string", short: "l", multiple: true, value: "KEY=VALUE", help: "a label" },
  memory: { type: "string", short: "m", value: "SIZE", help: "a memory limit, as in 64m" },
  cpus: { type: "string", value: "N", help: "CPUs' worth of time, as in 0.5" },
  "pids-limit": { type: "string", value: "N", help: "how many processes and threads at most (2048); -1 is no limit" },
  "cap-add": { type: "string", multiple: true, value: "CAPABILITY", help: "add a capability" },
  "cap-drop": { type: "string", multiple: true, value: "CAPABILITY", help: "drop a capability, or ALL" },
  "read-only": { type: "boolean", help: "a read-only root file system" },
  entrypoint: { type: "string", value: "COMMAND", help: "instead of the image's" },
  init: { type: "boolean", help: "a minimal init as PID 1 that reaps and forwards signals" },
  restart: { type: "string", value: "POLICY", help: "no, always, on-failure[:N] or unless-stopped (with -d)" },
  "stop-signal": { type: "string", value: "SIGNAL", help: "what ends it, SIGTERM when absent" },
  "stop-timeout": { type: "string", value: "SECONDS", help: "how long it has after that, 10 when absent" },
} as const satisfies FlagTable;

type RunFlags = FlagValues<typeof RUN_FLAGS>;

export interface RunCommand {
  flags: RunFlags;
  image: string;
  command: string[];
  networks: ServiceSpec["networks"];
  environment: Readonly<Record<string, string | undefined>>;
}

/** The spec of a `slipway run`. @throws SLIPWAY_CLI_USAGE naming the flag */
export function runSpec({ flags, image, command, networks, environment }: RunCommand): ServiceSpec {
  const containerName = flags.name === undefined ? undefined : checkedName(flags.name);
  return {
    name: serviceName(image),
    image,
    ...(command.length === 0 ? {} : { command }),
    ...optional(
      "entrypoint",
      flags.entrypoint === undefined ? undefined : flags.entrypoint === "" ? [] : [flags.entrypoint],
    ),
    environment: readEnvironment(flags, environment),
    ...optional("workingDir", one("workdir", flags.workdir, parseWorkingDir)),
    ...optional("user", one("user", flags.user, parseUser)),
    ...optional("hostname", one("hostname", flags.hostname, parseHostname)),
    ...optional("containerName", containerName),
    ports: each("publish", flags.publish, parsePortShort).flat(),
    expose: [],
    mounts: [
      ...each("volume", flags.volume, (text) => parseMountShort(text, process.cwd())),
      ...each("tmpfs", flags.tmpfs, parseTmpfsShort),
    ],
    networks,
    dependsOn: {},
    healthcheckDisabled: false,
    restart: one("restart", flags.restart, parseRestart) ?? { name: "no" },
    ...optional("stopSignal", one("stop-signal", flags["stop-signal"], parseSignal)),
    stopGracePeriodMs: one("stop-timeout", flags["stop-timeout"], (text) => parseDurationMs(`${text}s`)) ?? 10_000,
    readOnly: flags["read-only"],
    capAdd: each("cap-add", flags["cap-add"], parseCapability),
    capDrop: each("cap-drop", flags["cap-drop"], parseCapability),
    limits: readLimits(flags),
    labels: Object.fromEntries(flags.label.map(splitPair).map(([key, value]) => [key, value ?? ""])),
    init: flags.init,
    replicas: 1,
    slipway: { routes: [], publishes: [], subscribes: [], requests: [], serves: [] },
  };
}

function readEnvironment(flags: RunFlags, environment: RunCommand["environment"]): Record<string, string> {
  const variables = new Map<string, string>();
  for (const path of flags["env-file"]) {
    for (const [key, value] of one("env-file", path, (file) =>
      parseEnvFile(readFileSync(file, "utf8"), (name) => environment[name]),
    )!) {
      variables.set(key, value);
    }
  }
  for (const [key, written] of flags.env.map(splitPair)) {
    const value = written ?? environment[key];
    if (value !== undefined) variables.set(key, value);
  }
  return Object.fromEntries(variables);
}

function readLimits(flags: RunFlags): ResourceLimits {
  const memoryBytes = one("memory", flags.memory, parseMemoryBytes);
  const cpus = one("cpus", flags.cpus, (text) => positive(text, false));
  const pids = one("pids-limit", flags["pids-limit"], (text) => (text === "-1" ? -1 : positive(text, true)));
  const limits = { memoryBytes, cpus, pids };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined && value !== 0));
}

function positive(text: string, whole: boolean): number {
  if (/^\d+(\.\d+)?$/.test(text) && (!whole || Number.isInteger(Number(text)))) return Number(text);
  throw new RangeError(`${JSON.stringify(text)} is no ${whole ? "whole " : ""}number`);
}

/** The service's name of a container that is of none: the image's last part, as a DNS label. */
function serviceName(image: string): string {
  const name = basename(image.replace(/@.*$/, "").replace(/:[^/]*$/, "")).replaceAll(/[^A-Za-z0-9_-]/g, "-");
  return name.replace(/^[^A-Za-z0-9]+/, "").slice(0, 63) || "run";
}

function checkedName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,126}$/.test(name)) return name;
  throw cliError("SLIPWAY_CLI_USAGE", `--name: ${JSON.stringify(name)} is no container's name`, {
    remedy: "Use letters, digits, _, . and -, starting with a letter or digit.",
  });
}

function splitPair(text: string): [string, string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

function each<Value>(flag: string, texts: readonly string[], parse: (text: string) => Value): Value[] {
  return texts.map((text) => one(flag, text, parse)!);
}

function one<Value>(flag: string, text: string | undefined, parse: (text: string) => Value): Value | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (cause) {
    throw cliError("SLIPWAY_CLI_USAGE", `--${flag}: ${(cause as Error).message}`, {
      cause,
      remedy: "`slipway help run` shows the forms.",
    });
  }
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}
