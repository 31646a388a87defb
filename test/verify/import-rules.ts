/**
 * What each folder may import of ours, from the design's "Folders, and what each may import". The longest folder of the table
 * that holds a file is its folder; a folder always may import itself. A name stands for that folder alone, `x/*` for all
 * folders of the table below x.
 */
export interface FolderRule {
  may: readonly string[];
  /** Besides, types alone: the interfaces of what its composition root hands it. */
  types?: readonly string[];
  /** Besides, where its parts are put together. */
  root?: { files: readonly string[]; may: readonly string[] };
}

const KERNEL = "runtime-node/kernel";
const LAUNCH = "runtime-node/launch";
const NODE_PART: FolderRule = { may: ["contracts", KERNEL], types: [LAUNCH] };
/** The files of services/ itself and services/state are the ground that all services stand on. */
const SERVICE: FolderRule = { may: ["contracts", "messaging", "services", "services/state"] };

export const FOLDER_RULES: Readonly<Record<string, FolderRule>> = {
  contracts: { may: [] },
  messaging: { may: ["contracts"] },
  "storage-driver": { may: ["contracts", KERNEL] },
  [KERNEL]: { may: [] },
  [LAUNCH]: { may: ["contracts", KERNEL] },
  "runtime-node/supervisor": {
    may: ["contracts", KERNEL, LAUNCH],
    // `slipway server`: it starts the real nats-server, whose configuration messaging/ writes, on an interface of the node.
    root: {
      files: ["main.ts", "server.ts", "platform-network.ts"],
      may: ["messaging", "telemetry", "runtime-node/network", "runtime-node/cgroup"],
    },
  },
  // Started by the CLI, beside or without a server: it knows what a supervisor leaves.
  "runtime-node/repair": { may: ["contracts", KERNEL, "runtime-node/supervisor", "runtime-node/network"] },
  "runtime-node/cgroup": NODE_PART,
  "runtime-node/image": NODE_PART,
  "runtime-node/network": NODE_PART,
  "runtime-node/pod": NODE_PART,
  "runtime-node/dns": NODE_PART,
  "runtime-node/logs": NODE_PART,
  "runtime-node/container": {
    may: ["contracts", KERNEL, LAUNCH, "runtime-node/cgroup"],
    types: ["messaging", "storage-driver", "runtime-node/*"],
  },
  "runtime-node/agent": { may: ["contracts", "messaging", "storage-driver", "telemetry", "runtime-node/*"] },
  gateway: { may: ["contracts", "messaging"], root: { files: ["main.ts"], may: ["telemetry"] } },
  services: {
    may: ["contracts", "messaging"],
    root: { files: ["main.ts", "control-process.ts"], may: ["services/*", "telemetry"] },
  },
  "services/state": { may: ["contracts", "messaging", "services"] },
  "services/api": SERVICE,
  "services/controller": SERVICE,
  "services/workflow": SERVICE,
  "services/observe": SERVICE,
  "services/registry": SERVICE,
  "services/console": SERVICE,
  telemetry: { may: ["contracts"] },
  sdk: { may: ["contracts"] },
  cli: { may: ["contracts", "telemetry"] },
  infra: { may: ["contracts"] },
  examples: { may: ["sdk"] },
};

/** These may import anything, since they stand outside of what they look at; nothing else may import them. */
export const OUTSIDE = /^(test|bench)\/|\/testing\/|\.(test|bench)\.ts$|^[^/]+\.config\.ts$/;

/** Packages that one folder alone may import. */
export const PACKAGE_RULES: readonly { packages: RegExp; only: string }[] = [
  { packages: /^koffi$/, only: KERNEL },
  { packages: /^@opentelemetry\/(?!api$)/, only: "telemetry" },
];
