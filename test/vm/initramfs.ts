import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "./command.ts";
import { type CpioFile, writeCpio } from "./cpio.ts";
import type { KernelPackage } from "./kernel-package.ts";

/** What the kernel needs to find its root: the rest is loaded from there when it is asked for. */
const MODULES = ["virtio_pci", "virtio_rng", "virtio_blk", "9pnet_virtio", "9p", "overlay", "ext4"];
const FOLDERS = ["bin", "modules", "proc", "sys", "dev", "host", "writable", "root"];

/** Writes an initramfs: busybox, an init script of this folder, and the modules in the order in which they must be loaded. */
export async function writeInitramfs(kernel: KernelPackage, initScript: string, file: string): Promise<void> {
  const modules = await modulePaths(kernel);
  const files: CpioFile[] = [
    { path: "bin/busybox", mode: 0o755, content: await readFile(await busyboxPath()) },
    { path: "init", mode: 0o755, content: await readFile(join(import.meta.dirname, initScript)) },
    ...(await Promise.all(modules.map(readModule))),
  ];
  await writeFile(file, writeCpio(FOLDERS, files));
}

async function busyboxPath(): Promise<string> {
  return (await run("sh", ["-c", "command -v busybox"])).trim();
}

async function modulePaths({ folder, version }: KernelPackage): Promise<string[]> {
  const shown = await run("modprobe", ["-d", folder, "-S", version, "--show-depends", "-a", ...MODULES]);
  const paths = shown.split("\n").flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(paths)];
}

async function readModule(path: string, index: number): Promise<CpioFile> {
  const name = `${String(index).padStart(2, "0")}-${basename(path).replace(/\.xz$/, "")}`;
  const content = path.endsWith(".xz") ? await decompress(path) : await readFile(path);
  return { path: `modules/${name}`, mode: 0o644, content };
}

async function decompress(path: string): Promise<Buffer> {
  return Buffer.from(await run("sh", ["-c", `xz -dc "$1" | base64 -w 0`, "sh", path]), "base64");
}
