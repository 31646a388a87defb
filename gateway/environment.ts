import { gatewayError } from "./errors.ts";
import type { ListenOn } from "./listener/listen.ts";

/** What the supervisor tells a gateway process. */
export interface GatewayEnvironment {
  home: string;
  /** Undefined: serves its cached routes alone. */
  nats: { url: string; credsFile: string } | undefined;
  http: ListenOn;
  https: ListenOn;
  publicHttpsPort: number | undefined;
  /** Where `ready\n` is written once it serves. */
  readyFd: number | undefined;
}

/** Reads the process's environment; throws SLIPWAY_GATEWAY_CONFIGURATION naming the variable. */
export function parseEnvironment(env: NodeJS.ProcessEnv): GatewayEnvironment {
  const home = env["SLIPWAY_HOME"];
  if (home === undefined || !home.startsWith("/")) throw wrong("SLIPWAY_HOME", home, "an absolute path");
  const [url, credsFile] = [env["NATS_URL"], env["NATS_CREDS"]];
  if (url !== undefined && credsFile === undefined) throw wrong("NATS_CREDS", credsFile, "the path of a credentials file");
  return {
    home,
    nats: url === undefined || credsFile === undefined ? undefined : { url, credsFile },
    http: listenOn(env, "SLIPWAY_HTTP_FD", "SLIPWAY_HTTP_PORT"),
    https: listenOn(env, "SLIPWAY_HTTPS_FD", "SLIPWAY_HTTPS_PORT"),
    publicHttpsPort: number(env, "SLIPWAY_HTTPS_PORT", 65_535) || undefined,
    readyFd: number(env, "SLIPWAY_READY_FD", 1_048_576),
  };
}

/** The inherited socket when there is one: the port is then only what clients know. */
function listenOn(env: NodeJS.ProcessEnv, fdName: string, portName: string): ListenOn {
  const fd = number(env, fdName, 1_048_576);
  if (fd !== undefined) return { fd };
  const port = number(env, portName, 65_535);
  if (port === undefined) throw wrong(portName, undefined, `a port, unless ${fdName} is an inherited socket`);
  return { port };
}

function number(env: NodeJS.ProcessEnv, name: string, most: number): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,7}$/.test(text) || Number(text) > most) throw wrong(name, text, `a number up to ${most}`);
  return Number(text);
}

function wrong(name: string, value: string | undefined, expected: string): Error {
  const found = value === undefined ? "is not set" : `is ${JSON.stringify(value)}`;
  return gatewayError("SLIPWAY_GATEWAY_CONFIGURATION", `${name} ${found}; it must be ${expected}`);
}
