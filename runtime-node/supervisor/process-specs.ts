import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";
import { type ProcessName, processEntry } from "#contracts/process-entry.ts";
import { type ProcessSpec, READY_FD } from "./platform-process.ts";
import type { PreparedPlatform } from "./platform-network.ts";
import type { ServerOptions } from "./server-options.ts";

const READY_TIMEOUT_MS = 60_000;

interface SpecInput {
  home: HomeLayout;
  options: ServerOptions;
  platform: PreparedPlatform;
  /** HTTP, HTTPS. */
  listeners: number[];
  node: string;
  /** Below which cgroup the containers' are made. */
  cgroupParent: string;
}

/** The platform's processes in the order in which they start; each says on fd 3 when it is ready. */
export function processSpecs({ home, options, platform, listeners, node, cgroupParent }: SpecInput): ProcessSpec[] {
  const ours = (
    name: ProcessName & ("control" | "agent" | "gateway"),
    env: NodeJS.ProcessEnv,
    inheritedFds: number[] = [],
  ): ProcessSpec => ({
    name,
    command: process.execPath,
    args: [processEntry(name)],
    env: {
      ...process.env,
      SLIPWAY_HOME: home.home,
      SLIPWAY_NODE: node,
      NATS_URL: platform.nats.url,
      NATS_CREDS: platform.nats.creds[name],
      SLIPWAY_READY_FD: String(READY_FD),
      ...env,
    },
    logFile: join(home.logs, `${name}.log`),
    inheritedFds,
    ready: { by: "pipe" },
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  const [firstListener, secondListener] = [READY_FD + 1, READY_FD + 2];
  return [
    {
      name: "nats-server",
      command: platform.nats.command,
      args: platform.nats.args,
      env: process.env,
      logFile: join(home.logs, "nats-server.log"),
      ready: { by: "probe", probe: platform.probeNats },
      readyTimeoutMs: READY_TIMEOUT_MS,
    },
    ours("control", options.apiPort === null ? {} : { SLIPWAY_API_PORT: String(options.apiPort) }),
    ours("agent", { SLIPWAY_CGROUP_PARENT: cgroupParent }),
    ours(
      "gateway",
      {
        SLIPWAY_HTTP_FD: String(firstListener),
        SLIPWAY_HTTPS_FD: String(secondListener),
        SLIPWAY_HTTPS_PORT: String(options.httpsPort),
      },
      listeners,
    ),
  ];
}
