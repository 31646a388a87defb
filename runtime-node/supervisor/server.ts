import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type HomeLayout, homeLayout } from "#contracts/home.ts";
import { packageVersion } from "#contracts/package-version.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { settleServer } from "../cgroup/server-place.ts";
import { ChildTable } from "./child-table.ts";
import { FdStore } from "./fd-store.ts";
import { takeOver } from "./handover.ts";
import { heldLock, lockHome } from "./home-lock.ts";
import { findLeftovers } from "./leftovers.ts";
import { acquireListeners } from "./listeners.ts";
import { preparePlatform } from "./platform-network.ts";
import { ProcessRecords } from "./process-records.ts";
import { processSpecs } from "./process-specs.ts";
import { notifyServiceManager } from "./service-manager.ts";
import { makeRunFolder, removeRunFolder } from "./run-folder.ts";
import type { ServerOptions } from "./server-options.ts";
import { settleProcesses } from "./settle-processes.ts";
import { SupervisorSockets } from "./sockets.ts";
import { Upgrade } from "./upgrade.ts";

const PR_SET_DUMPABLE = 4;
const STOP_CONTAINERS_WAIT_MS = 60_000;

/**
 * Starts the platform, says that it is ready, and ends it when asked to (SIGTERM, SIGINT). What runs already (after a kill -9 of the
 * supervisor, or because this process was one before an upgrade) is taken over.
 */
export async function runServer(kernel: Kernel, options: ServerOptions): Promise<void> {
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => ending.abort());
  const home = homeLayout(options.home);
  const handover = takeOver(kernel, home.run);
  await using acquired = new AsyncDisposableStack();
  const lock = acquired.use(handover === undefined ? lockHome(kernel, home.home) : heldLock(handover.lock));
  // Children share our memory until they exec: nothing in a container's pid namespace may trace one of them.
  kernel.call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0);
  const cgroupParent = settleServer(kernel, process.env["SLIPWAY_CGROUP_PARENT"]);
  makeFolders(home);
  const children = acquired.use(new ChildTable(kernel, join(home.run, "children.json")));
  children.adopt();
  let ready = false;
  acquired.defer(() => leave(home, children.running, ready));
  const records = new ProcessRecords(home.processes);
  const leftovers = findLeftovers(kernel, home.hash, records);
  records.record({ name: "supervisor", version: packageVersion() }, process.pid);
  const listeners = await acquireListeners(kernel, options, { handover, leftovers }, acquired);
  const fds = acquired.use(new FdStore(kernel, handover?.kept));
  const sockets = acquired.use(await SupervisorSockets.open(home, children, fds, handover?.said ?? []));
  const upgrade = new Upgrade({ kernel, home, sockets, lock, listeners, fds, handover, signal: ending.signal });

  await upgrade.orGoBack(async () => {
    const platform = await preparePlatform(kernel, home, ending.signal);
    acquired.defer(() => void (children.running === 0 && platform.releaseNetwork()));
    await settleProcesses(
      {
        kernel,
        specs: processSpecs({ home, options, platform, listeners, node: nodeName(), cgroupParent }),
        leftovers,
        records,
        mayStay: ({ name }) => name === "nats-server" && !platform.nats.configChanged,
        onState: (name, state, detail) => {
          logState(name, state, detail);
          if (state === "ready") upgrade.progress(`${name} is ready (${detail})`);
        },
        signal: ending.signal,
      },
      acquired,
    );
  });
  ready = true;
  announce(home, options);
  notifyServiceManager(kernel, { type: "ready", status: `home ${home.home}, API ${home.apiSocket}` });
  await upgrade.serveUntil(ending.signal);

  console.log("slipway: ending");
  notifyServiceManager(kernel, { type: "stopping", status: "containers run on" });
  if (options.stopContainers) await stopContainers(sockets, children);
}

function makeFolders(home: HomeLayout): void {
  for (const folder of [home.keys, home.instances, home.networks, home.certificates, home.logs]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  makeRunFolder(home);
}

function announce({ home, apiSocket }: HomeLayout, { httpPort, httpsPort }: ServerOptions): void {
  console.log(`slipway: ready — home ${home}, API ${apiSocket}, HTTPS on port ${httpsPort}, HTTP on ${httpPort}`);
}

/** Asks the agent to stop every container; bounded by the longest grace we grant. */
async function stopContainers({ children: server }: SupervisorSockets, children: ChildTable): Promise<void> {
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

function logState(name: string, state: string, detail: string): void {
  console.log(`slipway: ${name} ${state}${detail === "" ? "" : ` (${detail})`}`);
}

/** Part of subjects and keys: one token, lower case. */
function nodeName(): string {
  const name = (process.env["SLIPWAY_NODE"] ?? hostname()).toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "-");
  return name === "" ? "node" : name;
}
