import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVER_UNIT, UNIT_FOLDER } from "./unit-files.ts";

/** The home of the installed service, as its unit says; undefined when there is none. */
export function installedHome(folder = UNIT_FOLDER): string | undefined {
  const path = join(folder, SERVER_UNIT);
  if (!existsSync(path)) return undefined;
  const written = /^Environment="?SLIPWAY_HOME=(.*?)"?$/m.exec(readFileSync(path, "utf8"))?.[1];
  return written?.replaceAll("%%", "%").replaceAll(/\\(["\\])/g, "$1");
}
