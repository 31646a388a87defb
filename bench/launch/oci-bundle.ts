import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ID_BASE = 0x5000_0000;

interface OciConfig {
  process: { terminal: boolean; args: string[] };
  linux: { namespaces: { type: string }[]; uidMappings?: object[]; gidMappings?: object[] };
}

/** The same container as an OCI bundle, for runc and crun. */
export class OciBundle implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "slw-bundle-"));
  #count = 0;

  constructor(layer: string) {
    cpSync(layer, join(this.#folder, "rootfs"), { recursive: true, verbatimSymlinks: true });
    spawnSync("chown", ["-R", "-h", `${ID_BASE}:${ID_BASE}`, join(this.#folder, "rootfs")]);
    spawnSync("runc", ["spec"], { cwd: this.#folder });
    const file = join(this.#folder, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as OciConfig;
    const mapping = [{ containerID: 0, hostID: ID_BASE, size: 65_536 }];
    config.process.terminal = false;
    config.process.args = ["/bin/true"];
    config.linux.namespaces.push({ type: "user" });
    config.linux.uidMappings = mapping;
    config.linux.gidMappings = mapping;
    writeFileSync(file, JSON.stringify(config));
    spawnSync("chmod", ["711", this.#folder]);
  }

  /** Those of runc and crun that are here and run the bundle; says why another does not. */
  runtimes(): string[] {
    return ["runc", "crun"].filter((runtime) => {
      try {
        this.run(runtime);
        return true;
      } catch (error) {
        console.log(`${runtime} is left out: ${error instanceof Error ? error.message : String(error)}`);
        return false;
      }
    });
  }

  run(runtime: string): void {
    const id = `slw-bench-${process.pid}-${++this.#count}`;
    // crun refuses a hybrid cgroup layout: it is given a mount namespace without the v2 tree.
    const command =
      runtime === "crun"
        ? ["unshare", "-m", "sh", "-c", `umount /sys/fs/cgroup/unified 2>/dev/null; exec crun run ${id}`]
        : ["runc", "run", id];
    const { status, stderr, error } = spawnSync(command[0] ?? "", command.slice(1), {
      cwd: this.#folder,
      encoding: "utf8",
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`exit ${status}: ${stderr.trim().split("\n").at(-1)}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
