/**
 * What each folder may import of ours, from the design's "Folders, and what each may import". The longest prefix of a file's
 * path decides; a folder always may import itself. `root` is what its composition root (`main.ts`) may import besides.
 */
export interface FolderRule {
  may: readonly string[];
  root?: readonly string[];
}

const NODE_PARTS = ["cgroup", "image", "network", "pod", "container", "dns", "logs"].map((part) => `runtime-node/${part}`);

export const FOLDER_RULES: Readonly<Record<string, FolderRule>> = {
  contracts: { may: [] },
  messaging: { may: ["contracts"] },
  "storage-driver": { may: ["contracts", "runtime-node/kernel"] },
  "runtime-node/kernel": { may: [] },
  "runtime-node/launch": { may: ["contracts", "runtime-node/kernel"] },
  "runtime-node/supervisor": {
    may: ["contracts", "runtime-node/kernel", "runtime-node/launch"],
    // It starts the real nats-server, whose configuration messaging/ writes.
    root: ["messaging", "telemetry"],
  },
  ...Object.fromEntries(NODE_PARTS.map((part) => [part, { may: ["contracts", "runtime-node/kernel"] }])),
  "runtime-node/container": { may: ["contracts", "runtime-node/kernel", "runtime-node/launch"] },
  "runtime-node/agent": { may: ["contracts", "messaging", "storage-driver", "telemetry", "runtime-node"] },
  gateway: { may: ["contracts", "messaging"], root: ["telemetry"] },
  services: { may: ["contracts", "messaging"], root: ["services", "telemetry"] },
  ...Object.fromEntries(
    ["api", "controller", "workflow", "observe", "registry", "console"].map((service) => [
      `services/${service}`,
      { may: ["contracts", "messaging"] },
    ]),
  ),
  telemetry: { may: ["contracts"] },
  sdk: { may: ["contracts"] },
  cli: { may: ["contracts", "telemetry"] },
  infra: { may: ["contracts"] },
  examples: { may: ["sdk"] },
};

/** These may import anything: they stand outside of what they look at. */
export const FREE_FOLDERS = ["test", "bench"];
export const FREE_FILES = /\.(test|bench)\.ts$|^[^/]+\.config\.ts$/;

/** Packages that one folder alone may import. */
export const PACKAGE_RULES: readonly { packages: RegExp; only: string }[] = [
  { packages: /^koffi$/, only: "runtime-node/kernel" },
  { packages: /^@opentelemetry\/(?!api$)/, only: "telemetry" },
];
