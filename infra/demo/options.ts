import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { demoError } from "./errors.ts";

export interface DemoOptions {
  /** Take everything down after the answer. */
  once: boolean;
  httpPort: number;
  httpsPort: number;
}

const DEFAULT_PORTS = { "http-port": 8080, "https-port": 8443 } as const;

/** With no terminal on stdin there is nobody to press Ctrl-C: the demo then runs once. */
export async function readOptions(args: readonly string[], hasTerminal: boolean): Promise<DemoOptions> {
  const { once, ...ports } = parse(args);
  const httpPort = await choosePort("http-port", ports["http-port"], []);
  const httpsPort = await choosePort("https-port", ports["https-port"], [httpPort]);
  return { once: once === true || !hasTerminal, httpPort, httpsPort };
}

function parse(args: readonly string[]): { once?: boolean; "http-port"?: string; "https-port"?: string } {
  try {
    return parseArgs({
      args: [...args],
      options: { once: { type: "boolean" }, "http-port": { type: "string" }, "https-port": { type: "string" } },
    }).values;
  } catch (cause) {
    throw demoError("SLIPWAY_DEMO_USAGE", (cause as Error).message, { cause });
  }
}

/** The port that was asked for; else the usual one, or the next that is free. */
async function choosePort(
  flag: keyof typeof DEFAULT_PORTS,
  asked: string | undefined,
  taken: readonly number[],
): Promise<number> {
  if (asked !== undefined) {
    const port = Number(asked);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw demoError("SLIPWAY_DEMO_USAGE", `--${flag} is no port: ${asked}`);
    if (taken.includes(port) || !(await isFree(port)))
      throw demoError("SLIPWAY_DEMO_PORT_TAKEN", `port ${port} (--${flag}) is taken`);
    return port;
  }
  for (let port: number = DEFAULT_PORTS[flag]; port <= 65_535; port++) {
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
  throw demoError("SLIPWAY_DEMO_PORT_TAKEN", `no port from ${DEFAULT_PORTS[flag]} on is free`);
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once("error", () => resolve(false));
  probe.listen(port, "0.0.0.0", () => probe.close(() => resolve(true)));
  return promise;
}
