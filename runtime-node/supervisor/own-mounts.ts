import { flagBits } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { becameSupervisor } from "./handover.ts";
import { memoryEnvironment } from "./memory-environment.ts";

const MARK = "SLIPWAY_IN_OWN_MOUNT_NAMESPACE";

/**
 * The supervisor is born into a mount namespace of its own, a slave of the host's: no mount of ours leaks onto the host, and what the
 * host mounts later is still seen. unshare(2) moves one thread, and Node has many; execve ends the others and keeps the pid. What keeps memory
 * small comes with it.
 */
export function enterOwnMountNamespace(kernel: Kernel): void {
  if (becameSupervisor()) return;
  if (process.env[MARK] === String(process.pid)) {
    delete process.env[MARK];
    return;
  }
  kernel.call("unshare", flagBits(["CLONE_NEWNS"]));
  kernel.call("mount", null, "/", null, flagBits(["MS_REC", "MS_SLAVE"]), null);
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, args, { ...memoryEnvironment(process.env), [MARK]: String(process.pid) });
}
