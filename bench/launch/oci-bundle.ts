import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "#kernel/kernel.ts";
import { run } from "../peers/command.ts";
import { findCommand } from "../peers/set-up.ts";
import { runBare } from "./bare-process.ts";

const ID_BASE = 0x5000_0000;

interface OciConfig {
  process: { terminal: boolean; args: string[] };
  linux: { cgroupsPath?: string; namespaces: { type: string }[]; uidMappings?: object[]; gidMappings?: object[] };
}

/** The same container as an OCI bundle, for runc and crun, with a user namespace and limits as ours has them. */
export class OciBundle {
  readonly root: string;
  readonly #kernel: Kernel;
  readonly #folder: string;
  #count = 0;

  private constructor(kernel: Kernel, folder: string) {
    this.#kernel = kernel;
    this.#folder = folder;
    this.root = join(folder, "rootfs");
  }

  static async create(
    kernel: Kernel,
    { folder, layer, cgroup }: { folder: string; layer: string; cgroup: string },
  ): Promise<OciBundle> {
    const bundle = new OciBundle(kernel, folder);
    mkdirSync(folder, { mode: 0o711 });
    cpSync(layer, bundle.root, { recursive: true, verbatimSymlinks: true });
    await run("chown", ["-R", "-h", `${ID_BASE}:${ID_BASE}`, bundle.root]);
    await run("runc", ["spec"], { cwd: folder });
    const file = join(folder, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as OciConfig;
    const mapping = [{ containerID: 0, hostID: ID_BASE, size: 65_536 }];
    config.process.terminal = false;
    config.process.args = ["/bin/true"];
    config.linux.cgroupsPath = `/${cgroup}/oci`;
    config.linux.namespaces.push({ type: "user" });
    config.linux.uidMappings = mapping;
    config.linux.gidMappings = mapping;
    writeFileSync(file, JSON.stringify(config));
    return bundle;
  }

  /** `runc run` or `crun run`, as their users start it. */
  async run(runtime: "runc" | "crun"): Promise<void> {
    const command = findCommand(runtime);
    if (command === undefined) throw new Error("it is not installed");
    const output = join(this.#folder, "output");
    writeFileSync(output, "");
    const id = `slw-bench-${process.pid}-${++this.#count}`;
    try {
      await runBare(this.#kernel, { argv: [command, "run", id], cwd: this.#folder, output });
    } catch (cause) {
      throw new Error(`${String(cause)}: ${readFileSync(output, "utf8").slice(-300)}`, { cause });
    }
  }
}
