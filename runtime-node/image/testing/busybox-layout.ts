import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "./tool.ts";

const BUSYBOX = "/bin/busybox";
const APPLETS = [
  "sh",
  "cat",
  "echo",
  "env",
  "id",
  "ls",
  "sleep",
  "true",
  "false",
  "wget",
  "nc",
  "httpd",
  "mount",
  "ps",
  "ip",
  "stat",
];

export interface BusyboxOptions {
  tag: string;
  /** `--config.*` options of `umoci config`, for example `["--config.user", "1000:1000"]`. */
  config?: string[];
  /** Changes the root file system before it becomes the (next) layer. */
  change?: (rootfs: string) => Promise<void>;
  /** A second layer on the first. */
  secondLayer?: (rootfs: string) => Promise<void>;
}

/** Makes an image of Debian's busybox-static with umoci, under a tag of the OCI layout in `directory`, which is made when it is missing. */
export async function buildBusyboxLayout(directory: string, options: BusyboxOptions): Promise<void> {
  const image = `${directory}:${options.tag}`;
  await tool("umoci", "init", "--layout", directory).catch(() => undefined);
  await tool("umoci", "new", "--image", image);
  await addLayer(image, async (rootfs) => {
    await fillRootfs(rootfs);
    await options.change?.(rootfs);
  });
  if (options.secondLayer !== undefined) await addLayer(image, options.secondLayer);
  const config = ["--config.cmd", "sh", "--config.env", "PATH=/bin", ...(options.config ?? [])];
  await tool("umoci", "config", "--image", image, ...config);
}

async function addLayer(image: string, change: (rootfs: string) => Promise<void>): Promise<void> {
  const bundle = await mkdtemp(join(tmpdir(), "slipway-bundle-"));
  try {
    await tool("umoci", "unpack", "--image", image, bundle);
    await change(join(bundle, "rootfs"));
    await tool("umoci", "repack", "--image", image, bundle);
  } finally {
    await rm(bundle, { recursive: true, force: true });
  }
}

async function fillRootfs(rootfs: string): Promise<void> {
  for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp", "root"])
    await mkdir(join(rootfs, folder), { recursive: true });
  await chmod(join(rootfs, "tmp"), 0o1777);
  await copyFile(BUSYBOX, join(rootfs, "bin/busybox"));
  for (const applet of APPLETS) await symlink("busybox", join(rootfs, "bin", applet));
  await writeFile(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  await writeFile(join(rootfs, "etc/group"), "root:x:0:\nnobody:x:65534:\n");
}
