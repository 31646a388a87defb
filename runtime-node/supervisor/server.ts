import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type HomeLayout, homeLayout } from "#contracts/home.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { settleServer } from "../cgroup/server-place.ts";
import { ChildServer } from "./child-server.ts";
import { ChildTable } from "./child-table.ts";
import { FdStore } from "./fd-store.ts";
import { lockHome } from "./home-lock.ts";
import { openListener } from "./listener.ts";
import { PlatformProcess } from "./platform-process.ts";
import { ProcessPids } from "./process-pids.ts";
import { processSpecs } from "./process-specs.ts";
import { notifyServiceManager } from "./service-manager.ts";
import { makeRunFolder, removeRunFolder } from "./run-folder.ts";
import type { ServerOptions } from "./server-options.ts";
import { preparePlatform } from "./platform-network.ts";

const PR_SET_DUMPABLE = 4;
const STOP_CONTAINERS_WAIT_MS = 60_000;

/** Starts the platform, says that it is ready, and ends it when asked to (SIGTERM, SIGINT). */
export async function runServer(kernel: Kernel, options: ServerOptions): Promise<void> {
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => ending.abort());
  const home = homeLayout(options.home);
  await using acquired = new AsyncDisposableStack();
  acquired.use(lockHome(kernel, home.home));
  // Children share our memory until they exec: nothing in a container's pid namespace may trace one of them.
  kernel.call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0);
  const cgroupParent = settleServer(kernel, process.env["SLIPWAY_CGROUP_PARENT"]);
  makeFolders(home);
  const children = acquired.use(new ChildTable(kernel, join(home.run, "children.json")));
  children.adopt();
  let ready = false;
  acquired.defer(() => leave(home, children.running, ready));
  const pids = new ProcessPids(kernel, join(home.run, "processes.json"));
  await pids.endLeftovers();
  const listeners = openListeners(kernel, options, acquired);

  const fds = acquired.use(new FdStore(kernel));
  const server = acquired.use(await ChildServer.listen(home.supervisorSocket, children, fds));
  const platform = await preparePlatform(kernel, home, ending.signal);
  acquired.defer(() => void (children.running === 0 && platform.releaseNetwork()));
  const processes = processSpecs({ home, options, platform, listeners, node: nodeName(), cgroupParent }).map(
    (spec) => new PlatformProcess(spec, pids, logState),
  );
  for (const process of processes) {
    await process.start(ending.signal);
    acquired.use(process);
  }
  ready = true;
  announce(home, options);
  notifyServiceManager(kernel, { type: "ready", status: `home ${home.home}, API ${home.apiSocket}` });
  await untilAborted(ending.signal);

  console.log("slipway: ending");
  notifyServiceManager(kernel, { type: "stopping", status: "containers run on" });
  if (options.stopContainers) await stopContainers(server, children);
}

function makeFolders(home: HomeLayout): void {
  for (const folder of [home.keys, home.instances, home.networks, home.certificates, home.logs]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  makeRunFolder(home);
}

function openListeners(kernel: Kernel, { httpPort, httpsPort }: ServerOptions, acquired: AsyncDisposableStack): number[] {
  return [httpPort, httpsPort].map((port) => {
    const fd = openListener(kernel, port);
    acquired.defer(() => void kernel.attempt("close", fd));
    return fd;
  });
}

function announce({ home, apiSocket }: HomeLayout, { httpPort, httpsPort }: ServerOptions): void {
  console.log(`slipway: ready — home ${home}, API ${apiSocket}, HTTPS on port ${httpsPort}, HTTP on ${httpPort}`);
}

/** Asks the agent to stop every container; bounded by the longest grace we grant. */
async function stopContainers(server: ChildServer, children: ChildTable): Promise<void> {
  if (!server.askToStopContainers()) return;
  await Promise.race([
    children.untilNoneRuns(),
    new Promise((resolve) => setTimeout(resolve, STOP_CONTAINERS_WAIT_MS).unref()),
  ]);
}

/** Containers that run on keep their run folder and network; without any, nothing of ours stays on the machine. */
function leave(home: HomeLayout, containers: number, wasReady: boolean): void {
  if (containers > 0) {
    console.log(
      `slipway: ended; ${containers} container${containers === 1 ? " runs" : "s run"} on and will be adopted by the next start`,
    );
    return;
  }
  removeRunFolder(home);
  if (wasReady) console.log("slipway: ended");
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function logState(name: string, state: string, detail: string): void {
  console.log(`slipway: ${name} ${state}${detail === "" ? "" : ` (${detail})`}`);
}

/** Part of subjects and keys: one token, lower case. */
function nodeName(): string {
  const name = (process.env["SLIPWAY_NODE"] ?? hostname()).toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "-");
  return name === "" ? "node" : name;
}
