import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { INIT_NAME, initFile } from "#kernel/init/init.ts";
import type { InitSource } from "../launch/container-launch.ts";
import { writeDurably } from "./instance-record.ts";

/**
 * What vm.memfd_noexec lets the init be executed from (Documentation/userspace-api/mfd_noexec.rst): without the setting (before
 * Linux 6.3) any memfd, at 0 and 1 one that was made as executable, at 2 none. Then it is a file in the home, whose file system must
 * not be mounted noexec.
 */
export async function initSource(home: string, setting = "/proc/sys/vm/memfd_noexec"): Promise<InitSource> {
  const level = await readFile(setting, "utf8").catch(() => undefined);
  if (Number(level ?? 0) < 2) return { from: "memfd", saysExecutable: level !== undefined };
  return { from: "file", path: await keepInitFile(home) };
}

/** Written once, and again when another version's init is there. */
async function keepInitFile(home: string): Promise<string> {
  const path = join(home, INIT_NAME);
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(initFile()) !== true) await writeDurably(path, initFile(), 0o555);
  await chmod(path, 0o555);
  return path;
}
