import { isAbsolute } from "node:path";
import { parseGroup } from "./group.ts";
import { servicesError } from "./errors.ts";

/** What the supervisor tells the control process. */
export interface ControlEnvironment {
  home: string;
  /** The name of this machine's node. */
  node: string;
  natsUrl: string;
  /** The control process's credentials file. */
  natsCreds: string;
  /** The API also listens on this port of 127.0.0.1; 0 is any. */
  apiPort: number | undefined;
  /** A group whose members may use the API's unix socket. */
  socketGroupId: number | undefined;
  /** Where `ready\n` is written once it serves. */
  readyFd: number | undefined;
  /** How long traces are kept, and how large their file may be. */
  traces: { maxAgeMs: number; maxBytes: number };
}

const TRACES_DAYS = 7;
const TRACES_MIB = 256;
const DAY_MS = 86_400_000;
const MIB = 1024 ** 2;

/**
 * Reads SLIPWAY_HOME, SLIPWAY_NODE, NATS_URL, NATS_CREDS, and SLIPWAY_API_PORT, SLIPWAY_API_GROUP, SLIPWAY_READY_FD, SLIPWAY_TRACES_DAYS and
 * SLIPWAY_TRACES_MIB where set.
 */
export async function parseEnvironment(env: NodeJS.ProcessEnv): Promise<ControlEnvironment> {
  const home = required(env, "SLIPWAY_HOME");
  if (!isAbsolute(home)) throw wrong("SLIPWAY_HOME", home, "an absolute path");
  const group = env["SLIPWAY_API_GROUP"];
  return {
    home,
    node: required(env, "SLIPWAY_NODE"),
    natsUrl: required(env, "NATS_URL"),
    natsCreds: required(env, "NATS_CREDS"),
    apiPort: optionalNumber(env, "SLIPWAY_API_PORT", 65_535),
    socketGroupId: group === undefined ? undefined : await parseGroup(group),
    readyFd: optionalNumber(env, "SLIPWAY_READY_FD", 1_048_576),
    traces: {
      maxAgeMs: (optionalNumber(env, "SLIPWAY_TRACES_DAYS", 3_650) ?? TRACES_DAYS) * DAY_MS,
      maxBytes: (optionalNumber(env, "SLIPWAY_TRACES_MIB", 1_048_576) ?? TRACES_MIB) * MIB,
    },
  };
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw wrong(name, value, "set");
  return value;
}

function optionalNumber(env: NodeJS.ProcessEnv, name: string, most: number): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,7}$/.test(text) || Number(text) > most) throw wrong(name, text, `a number up to ${most}`);
  return Number(text);
}

function wrong(name: string, value: string | undefined, expected: string): Error {
  const found = value === undefined ? "is not set" : `is ${JSON.stringify(value)}`;
  return servicesError("SLIPWAY_CONTROL_ENVIRONMENT", `${name} ${found}; it must be ${expected}`);
}
