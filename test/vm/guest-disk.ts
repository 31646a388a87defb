import { open } from "node:fs/promises";
import { run } from "./command.ts";

/** An empty ext4 image, which takes room only for what is written to it. */
export async function makeDisk(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "w");
  await handle.truncate(bytes).finally(() => handle.close());
  await run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", file]);
}
