import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";

/** As many layers as an image may have (containerd's and docker's limit is 127). */
const LAYER_MOUNT_POINTS = 128;

/**
 * `/run/slipway/<hash>`: sockets, mount points for layers (`m/0`…) and for the new root (`r`). Others may pass through (a container's
 * root, who is nobody here, must reach `r`) but read nothing.
 */
export function makeRunFolder({ home, run }: HomeLayout): void {
  mkdirSync(join(run, "r"), { recursive: true, mode: 0o711 });
  // The folder is named by a hash: `doctor --repair` asks here whose it is.
  writeFileSync(join(run, "home"), `${home}\n`, { mode: 0o600 });
  for (const folder of [join(run, ".."), run]) chmodSync(folder, 0o711);
  for (let index = 0; index < LAYER_MOUNT_POINTS; index++)
    mkdirSync(join(run, "m", String(index)), { recursive: true, mode: 0o700 });
}

export function removeRunFolder({ run }: HomeLayout): void {
  rmSync(run, { recursive: true, force: true });
}
