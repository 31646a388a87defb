import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { bundleAll } from "../../infra/build/bundle.ts";
import type { BenchContext } from "../harness/bench.ts";
import { type Daemon, run, startDaemon } from "./command.ts";

/** Slipway as its users have it: the bundles of the published package, every process started. */
export interface Platform extends AsyncDisposable {
  daemon: Daemon;
  home: string;
  /** The supervisor's, nats-server's, control's, the agent's and the gateway's. */
  pids: () => number[];
  cli: (...args: string[]) => Promise<string>;
}

export async function startPlatform(context: BenchContext): Promise<Platform> {
  const { folder } = context;
  const home = join(folder, "home");
  const slipway = await placePackage(join(folder, "package"));
  chmodSync(folder, 0o711);
  const env = { SLIPWAY_HOME: home, SLIPWAY_NATS_SERVER: join(PACKAGE_ROOT, ".slipway/bin/nats-server") };
  const { hash, run: runFolder } = homeLayout(home);
  context.ownCgroup(`slipway-${hash}`);
  const log = join(folder, "server.log");
  const daemon = await startDaemon([slipway, "server", "--http-port", "18080", "--https-port", "18443"], {
    log,
    env,
    isUp: async () => {
      if (!/^slipway: ready/m.test(readFileSync(log, "utf8"))) throw new Error("not ready");
    },
  });
  const pids = (): number[] => {
    const children = JSON.parse(readFileSync(join(runFolder, "processes.json"), "utf8")) as { pid: number }[];
    return [...new Set([daemon.pid, ...children.map(({ pid }) => pid)])];
  };
  const cli = (...args: string[]): Promise<string> => run(slipway, args, { env });
  // Once for the compile cache of every process.
  await cli("ps");
  return { daemon, home, pids, cli, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** The package as `npm install` lays it out. */
async function placePackage(root: string): Promise<string> {
  mkdirSync(root);
  await bundleAll(PACKAGE_ROOT, join(root, "dist"));
  for (const file of ["slipway", "package.json"]) cpSync(join(PACKAGE_ROOT, file), join(root, file));
  mkdirSync(join(root, "infra"));
  cpSync(join(PACKAGE_ROOT, "infra/setup"), join(root, "infra/setup"), { recursive: true });
  symlinkSync(join(PACKAGE_ROOT, "node_modules"), join(root, "node_modules"));
  return join(root, "slipway");
}
