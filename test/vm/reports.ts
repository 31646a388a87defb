import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT } from "./checkout.ts";

/** Where infra/ci adds them up. */
const REPORTS = join(CHECKOUT, ".slipway/test");

/** A run that ends early must not leave an older run's report in its place. */
export async function removeReport(name: string): Promise<void> {
  await rm(join(REPORTS, name), { force: true });
}

/** Keeps what a guest wrote, when it wrote any. */
export async function keepReport(file: string, name: string): Promise<void> {
  await mkdir(REPORTS, { recursive: true });
  await copyFile(file, join(REPORTS, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
