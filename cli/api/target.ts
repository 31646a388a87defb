import { join, resolve } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT, RUNS_FROM_SOURCE } from "#contracts/process-entry.ts";
import { cliError } from "../errors.ts";

/** Where the API is: a unix socket, or a TCP address. */
export type ApiTarget = { type: "socket"; path: string } | { type: "url"; url: URL };

type Environment = Readonly<Record<string, string | undefined>>;

/** SLIPWAY_HOME, else `.slipway` of the checkout that this is, else /var/lib/slipway. */
export function defaultHome(environment: Environment): string {
  if (environment.SLIPWAY_HOME) return resolve(environment.SLIPWAY_HOME);
  return RUNS_FROM_SOURCE ? join(PACKAGE_ROOT, ".slipway") : "/var/lib/slipway";
}

/** SLIPWAY_HOST, else the socket of the home. @throws SLIPWAY_CLI_HOST_INVALID */
export function apiTarget(environment: Environment): ApiTarget {
  const host = environment.SLIPWAY_HOST;
  if (host === undefined || host === "") return { type: "socket", path: homeLayout(defaultHome(environment)).apiSocket };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "unix:" && url.pathname !== "") return { type: "socket", path: decodeURIComponent(url.pathname) };
  if (url?.protocol === "http:" || url?.protocol === "https:") return { type: "url", url };
  throw cliError("SLIPWAY_CLI_HOST_INVALID", `SLIPWAY_HOST is ${JSON.stringify(host)}, which is no address of a server`);
}

/** For messages. */
export function describeTarget(target: ApiTarget): string {
  return target.type === "socket" ? target.path : target.url.origin;
}
