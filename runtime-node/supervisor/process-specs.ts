import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";
import { type ProcessName, processEntry } from "#contracts/process-entry.ts";
import { packageVersion } from "#contracts/package-version.ts";
import { PROCESS_MARK } from "./leftovers.ts";
import type { PreparedPlatform } from "./platform-network.ts";
import { type ProcessSpec, READY_FD } from "./process-spec.ts";
import type { ServerOptions } from "./server-options.ts";

const READY_TIMEOUT_MS = 60_000;

/** Where the gateway finds its listening sockets: HTTP, HTTPS. */
export const LISTENER_FDS = [READY_FD + 1, READY_FD + 2] as const;

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
  const version = packageVersion();
  const ours = (
    name: ProcessName & ("control" | "agent" | "gateway"),
    env: NodeJS.ProcessEnv,
    inheritedFds: number[] = [],
  ): ProcessSpec => ({
    name,
    version,
    command: process.execPath,
    args: [processEntry(name)],
    env: {
      ...process.env,
      SLIPWAY_HOME: home.home,
      SLIPWAY_NODE: node,
      NATS_URL: platform.nats.url,
      NATS_CREDS: platform.nats.creds[name],
      SLIPWAY_READY_FD: String(READY_FD),
      [PROCESS_MARK]: `${home.hash}/${name}`,
      ...env,
    },
    logFile: join(home.logs, `${name}.log`),
    inheritedFds,
    ready: { by: "pipe" },
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  const [firstListener, secondListener] = LISTENER_FDS;
  return [
    {
      name: "nats-server",
      version: platform.nats.version,
      command: platform.nats.command,
      args: platform.nats.args,
      env: { ...process.env, [PROCESS_MARK]: `${home.hash}/nats-server` },
      logFile: join(home.logs, "nats-server.log"),
      ready: { by: "probe", probe: platform.probeNats },
      readyTimeoutMs: READY_TIMEOUT_MS,
    },
    ours("control", options.apiPort === null ? {} : { SLIPWAY_API_PORT: String(options.apiPort) }),
    ours("agent", { SLIPWAY_SUPERVISOR_PID: String(process.pid), SLIPWAY_CGROUP_PARENT: cgroupParent }),
    {
      ...ours(
        "gateway",
        {
          SLIPWAY_HTTP_FD: String(firstListener),
          SLIPWAY_HTTPS_FD: String(secondListener),
          SLIPWAY_HTTPS_PORT: String(options.httpsPort),
        },
        listeners,
      ),
      overlaps: true,
    },
  ];
}
