import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { serverError } from "./errors.ts";

export interface ServerOptions {
  home: string;
  httpPort: number;
  httpsPort: number;
  /** Null: the API is on the unix socket only. */
  apiPort: number | null;
  stopContainers: boolean;
}

/** What the `server` verb passes on. */
export function parseServerOptions(args: readonly string[]): ServerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      home: { type: "string" },
      "http-port": { type: "string", default: "80" },
      "https-port": { type: "string", default: "443" },
      "api-port": { type: "string" },
      "stop-containers": { type: "boolean", default: false },
    },
  });
  if (values.home === undefined) throw serverError("SLIPWAY_SERVER_USAGE", "the server needs --home");
  return {
    home: resolve(values.home),
    httpPort: parsePort("--http-port", values["http-port"]),
    httpsPort: parsePort("--https-port", values["https-port"]),
    apiPort: values["api-port"] === undefined ? null : parsePort("--api-port", values["api-port"]),
    stopContainers: values["stop-containers"],
  };
}

function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw serverError("SLIPWAY_SERVER_USAGE", `${flag} is "${text}", and a port is a number from 1 to 65535`);
}
