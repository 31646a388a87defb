import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shellService } from "./apps.ts";
import type { TestProject } from "./project.ts";

const FOLDER = "starts";

/** A service that notes each of its starts in a file on the host, and then does what the line says. */
export const countedService = (name: string, line: string, more: object = {}): object =>
  shellService(`echo started >>/starts/${name}; ${line}`, { ...more, volumes: [`./${FOLDER}:/starts`] });

/** How often each counted service of a project was started, by what its containers themselves noted. */
export function startsOf(project: TestProject): Record<string, number> {
  const folder = join(project.folder, FOLDER);
  mkdirSync(folder, { recursive: true });
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8").split("\n").length - 1]),
  );
}
