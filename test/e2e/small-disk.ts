import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 ** 2;
const LEFT_TO_OTHERS_MIB = 4;

/** A disk of a few megabytes that a test may fill: a tmpfs, which needs no loop device. */
export class SmallDisk implements Disposable {
  readonly path: string;

  constructor(mebibytes: number) {
    this.path = mkdtempSync(join(tmpdir(), "slipway-d"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=711`, "slipway-test", this.path]);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  /** Takes up all room but so much; what was taken before is given back. */
  leave(mebibytes: number): void {
    rmSync(this.#ballast, { force: true });
    const { bavail, bsize } = statfsSync(this.path);
    // Others write at the same moment: the last of it is taken page by page.
    const bytes = bavail * bsize - Math.max(mebibytes, LEFT_TO_OTHERS_MIB) * MIB;
    if (bytes > 0) execFileSync("fallocate", ["-l", String(bytes), this.#ballast]);
    if (mebibytes > 0) return;
    // To the last byte of the last page.
    try {
      for (;;) writeFileSync(this.#ballast, Buffer.alloc(4096), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  /** There is room again. */
  makeRoom(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    execFileSync("umount", [this.path]);
    rmdirSync(this.path);
  }
}
