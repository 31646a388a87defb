import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Architecture } from "../../syscall-numbers.ts";

const PREFIX: Record<Architecture, string> = { x64: "x86_64-linux-gnu-", arm64: "aarch64-linux-gnu-" };

/** GNU as for an architecture; binutils, or binutils-aarch64-linux-gnu. */
export function assemblerOf(architecture: Architecture): { name: string; missing: boolean } {
  const name = `${PREFIX[architecture]}as`;
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return { name, missing: false };
  } catch {
    return { name, missing: true };
  }
}

/** The bytes of a source file's .text section. */
export function assemble(source: string, architecture: Architecture): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "slipway-as-"));
  try {
    const [object, code] = [join(folder, "code.o"), join(folder, "code.bin")];
    execFileSync(`${PREFIX[architecture]}as`, [source, "-o", object]);
    execFileSync(`${PREFIX[architecture]}objcopy`, ["-O", "binary", "-j", ".text", object, code]);
    return readFileSync(code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
