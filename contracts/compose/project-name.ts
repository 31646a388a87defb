import { basename } from "node:path";
import type { Place } from "../slipway-error.ts";
import { PROJECT_NAME_PATTERN } from "../wire-names.ts";
import type { Report } from "./report.ts";

const PROJECT_NAME = new RegExp(PROJECT_NAME_PATTERN);

export interface ProjectNameSources {
  /** `-p`. */
  flag: string | undefined;
  /** COMPOSE_PROJECT_NAME, from the shell or .env. */
  variable: string | undefined;
  /** `name:` at the top of the file. */
  file: { name: string; place: Place } | undefined;
  directory: string;
  place: Place;
}

/** The first of -p, COMPOSE_PROJECT_NAME, `name:`, and the directory's name made to fit. */
export function chooseProjectName(sources: ProjectNameSources, report: Report): string {
  const { flag, variable, file, directory } = sources;
  if (flag !== undefined && flag !== "") return checked(flag, "-p", sources.place, report);
  if (variable !== undefined && variable !== "") return checked(variable, "COMPOSE_PROJECT_NAME", sources.place, report);
  if (file !== undefined) return checked(file.name, "name", file.place, report);
  const name = normalizeProjectName(basename(directory));
  if (name !== "") return name;
  report.add("SLIPWAY_COMPOSE_NAME", `the directory ${directory} gives no project name`, sources.place, {
    remedy: "Name the project: `name:` at the top of the file, or -p NAME.",
  });
  return "";
}

/** As docker compose makes a directory's name fit: lower case, without what is not allowed. */
export function normalizeProjectName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "")
    .slice(0, 63);
}

function checked(name: string, source: string, place: Place, report: Report): string {
  if (PROJECT_NAME.test(name)) return name;
  const fitting = normalizeProjectName(name);
  report.add("SLIPWAY_COMPOSE_NAME", `${source}: ${JSON.stringify(name)} is no project name`, place, {
    remedy: `Use lower case letters, digits, _ and -, at most 63${fitting === "" ? "" : `, as in ${fitting}`}.`,
  });
  return name;
}
