import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";

export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}
