import { open } from "node:fs/promises";
import { ERRNO } from "./errno.ts";
import { KernelError } from "./kernel.ts";
import { syscallOnThread } from "./libc.ts";
import { ARCHITECTURE } from "./linux-kernel.ts";
import { SYSCALL_NUMBERS } from "./syscall-numbers.ts";

/**
 * Resolves when everything that was written to the file system of a folder is on its disk, syncfs(2); on a thread, since it may take
 * seconds. @throws KernelError when something could not be written (reported since Linux 5.8)
 */
export async function syncFileSystem(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  const [x64, arm64] = SYSCALL_NUMBERS.syncfs;
  const result = await syscallOnThread(ARCHITECTURE === "x64" ? x64 : arm64, handle.fd);
  // errno is the thread's own, and gone by now: what syncfs has to tell is that a write failed.
  if (result !== 0) throw new KernelError("syncfs", ERRNO.EIO, [handle.fd]);
}
