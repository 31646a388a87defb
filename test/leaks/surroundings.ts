import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { buildBusyboxLayout } from "#runtime-node/image/testing/busybox-layout.ts";
import type { TestPlatform } from "#test/e2e/platform.ts";
import type { Surroundings } from "./features.ts";

const IMAGE = "leaks/busybox:1";

/** An image to import, a folder to bind, a port that is taken. */
export async function prepareSurroundings(platform: TestPlatform): Promise<Surroundings> {
  const layout = join(await platform.scratch("image"), "layout");
  await buildBusyboxLayout(layout, { tag: "leaks" });
  await platform.ok(["image", "import", layout, "--reference", IMAGE]);
  const folder = await platform.scratch("bound");
  await chmod(folder, 0o755);
  return { images: ["host", IMAGE], folder, takenPort: platform.httpsPort };
}
