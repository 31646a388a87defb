import { dirname, join } from "node:path";

/** A process of the platform and the folder its source starts in. */
export const PROCESS_FOLDERS = {
  cli: "cli",
  supervisor: "runtime-node/supervisor",
  control: "services",
  agent: "runtime-node/agent",
  gateway: "gateway",
  repair: "runtime-node/repair",
  /** Not a process but a Worker of control: it has an entry, and a bundle, of its own. */
  traces: "services/observe",
} as const;
export type ProcessName = keyof typeof PROCESS_FOLDERS;

/** The top of the checkout, or of the installed package. */
export const PACKAGE_ROOT = dirname(import.meta.dirname);

/** True in a checkout, where sources run; false in a bundle of the published package, which stands in `dist/`. */
export const RUNS_FROM_SOURCE = import.meta.filename.endsWith(".ts");

/** The module that Node starts a process with: `<folder>/main.mjs` in a checkout, `dist/<name>.mjs` in the package. */
export function processEntry(name: ProcessName): string {
  return RUNS_FROM_SOURCE
    ? join(PACKAGE_ROOT, PROCESS_FOLDERS[name], "main.mjs")
    : join(PACKAGE_ROOT, "dist", `${name}.mjs`);
}
