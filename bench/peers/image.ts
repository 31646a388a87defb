import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { startRegistry, type TestRegistry } from "#runtime-node/image/testing/registry.ts";
import { run } from "./command.ts";

export interface ImageOptions {
  /** More layers, each of as many files as given, half of them random. */
  layers?: readonly { files: number; bytesEach: number }[];
}

/** Builds an image of busybox with umoci, and puts it into a registry of its own on 127.0.0.1, where every contender pulls it. */
export async function publishBusybox(
  folder: string,
  { layers = [] }: ImageOptions = {},
): Promise<TestRegistry & { reference: string }> {
  const layout = join(folder, "layout");
  const image = `${layout}:1`;
  await run("umoci", ["init", "--layout", layout]);
  await run("umoci", ["new", "--image", image]);
  await run("umoci", ["insert", "--image", image, busyboxRoot(folder), "/"]);
  for (const [index, { files, bytesEach }] of layers.entries())
    await run("umoci", [
      "insert",
      "--image",
      image,
      filledFolder(join(folder, `layer${index}`), files, bytesEach),
      `/data${index}`,
    ]);
  await run("umoci", ["config", "--image", image, "--config.cmd", "/bin/true", "--config.env", "PATH=/bin"]);
  const registry = await startRegistry();
  const reference = await registry.push(`oci:${image}`, "busybox:1");
  return { ...registry, reference };
}

function busyboxRoot(folder: string): string {
  const root = join(folder, "busybox-root");
  for (const path of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(root, path), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of ["true", "sh", "sleep", "test", "cat"]) symlinkSync("busybox", join(root, "bin", applet));
  return root;
}

function filledFolder(folder: string, files: number, bytesEach: number): string {
  mkdirSync(folder);
  const text = Buffer.alloc(bytesEach / 2, "text of the kind that programs are made of, which packs well. ");
  for (let index = 0; index < files; index++)
    writeFileSync(join(folder, `file${index}`), Buffer.concat([text, randomBytes(bytesEach / 2)]));
  return folder;
}
