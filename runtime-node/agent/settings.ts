import { packageVersion } from "#contracts/package-version.ts";

/** What the supervisor tells the agent through its environment. */
export interface AgentSettings {
  home: string;
  node: string;
  natsUrl: string;
  natsCreds: string;
  /** Of the process that started this one. */
  supervisorPid: number;
  /** Where "ready" is written once the node serves. */
  readyFd: number | undefined;
  version: string;
  /** Below which cgroup the containers' are made: "" is the root. */
  cgroupParent: string;
}

export function readSettings(env: NodeJS.ProcessEnv): AgentSettings {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "")
      throw new Error(`the agent needs ${name} in its environment; \`slipway server\` sets it`);
    return value;
  };
  return {
    home: need("SLIPWAY_HOME"),
    node: need("SLIPWAY_NODE"),
    natsUrl: need("NATS_URL"),
    natsCreds: need("NATS_CREDS"),
    supervisorPid: Number(need("SLIPWAY_SUPERVISOR_PID")),
    readyFd: env["SLIPWAY_READY_FD"] === undefined ? undefined : Number(env["SLIPWAY_READY_FD"]),
    version: packageVersion(),
    cgroupParent: env["SLIPWAY_CGROUP_PARENT"] ?? "",
  };
}
