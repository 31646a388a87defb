import { join } from "node:path";

/** The guests have this machine's files: the checkout stands where it stands here. */
export const CHECKOUT = join(import.meta.dirname, "../..");

export const GUEST_PATH = `${join(CHECKOUT, "node_modules/.bin")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** Vitest in a guest, its report for a machine in `report`. */
export function vitestCommand(report: string, args: readonly string[]): string[] {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  return ["node", "node_modules/vitest/vitest.mjs", "run", ...reporters, ...args];
}
