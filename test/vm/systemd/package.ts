import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { bundleAll } from "../../../infra/build/bundle.ts";
import { CHECKOUT } from "../checkout.ts";

/** Where the guest has the package. */
export const PACKAGE_IN_GUEST = "/opt/slipway";

/**
 * Slipway as npm installs it, one bundle a process: over 9p and on an emulated processor, hundreds of sources take a minute to be read. What it
 * depends on is the checkout's, which the guest has at the same path.
 */
export async function layOutPackage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await bundleAll(CHECKOUT, join(folder, "dist"));
  for (const file of ["slipway", "package.json"]) await copyFile(join(CHECKOUT, file), join(folder, file));
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  await symlink(join(CHECKOUT, ".slipway"), join(folder, ".slipway"));
}
