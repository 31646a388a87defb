import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { ProjectSpec } from "../project-spec.ts";
import { checkKeys } from "./check-keys.ts";
import { checkReferences } from "./check-references.ts";
import { composeError } from "./errors.ts";
import type { VariableLookup } from "./interpolate.ts";
import { locate, type Located } from "./located.ts";
import { readProject } from "./project.ts";
import { chooseProjectName } from "./project-name.ts";
import { activeProfiles } from "./profiles.ts";
import { projectVariables } from "./project-variables.ts";
import { type ComposeWarning, Report } from "./report.ts";
import { Section } from "./section.ts";

export interface ComposeSource {
  /** The file; with `text`, the name it has in messages. */
  path?: string;
  text?: string;
  /** `-p`. */
  projectName?: string;
  /** `--profile`; those of COMPOSE_PROFILES when there is none. `*` is all. */
  profiles?: readonly string[];
  /** The shell's variables: they win over those of .env. */
  environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths start from and where .env is; the file's folder when absent. */
  directory?: string;
  /** What is not wrong but worth knowing. */
  onWarning?: (warning: ComposeWarning) => void;
}

const MAXIMUM_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a Compose file (Compose Specification, with `x-slipway`).
 * @throws ComposeFileError with every mistake of the file, each with its place
 */
export function parseComposeFile(source: ComposeSource): ProjectSpec {
  const report = new Report();
  const file = source.path ?? "compose.yaml";
  const directory = resolve(source.directory ?? dirname(file));
  const text = source.text ?? readComposeFile(file);
  const variables = projectVariables(source.environment, directory, report);
  const name = projectName(source, { text, file, directory, variables }, report);
  const lookup: VariableLookup = (variable) => (variable === "COMPOSE_PROJECT_NAME" ? name : variables(variable));
  const root = locate(text, { file, lookup, report });
  const whole = root === undefined ? undefined : wholeFile(root, file, report);
  if (whole !== undefined) {
    checkKeys(whole.map, report);
    const project = readProject(name, whole, { directory, lookup, profiles: activeProfiles(source.profiles, lookup) });
    // Half a project would make errors of its own: a service that could not be read is not there to be named.
    if (!report.failed) checkReferences(project, whole.section("services")!);
    for (const warning of report.warnings) source.onWarning?.(warning);
    report.throwIfFailed();
    return project;
  }
  report.throwIfFailed();
  throw composeError("SLIPWAY_COMPOSE_NO_SERVICES", "the file is empty", { place: { file, line: 1, column: 1 } });
}

function wholeFile(root: Located, file: string, report: Report): Section | undefined {
  if (root.kind === "map") return new Section(root, "", report);
  if (root.kind === "scalar" && root.value === null) return undefined;
  report.add("SLIPWAY_COMPOSE_TYPE", `${file} is a map of keys (services, networks, volumes)`, root.place);
  return undefined;
}

/**
 * The name of a file's project, for what needs no more of it (`down`): the rest of the file may have mistakes.
 * @throws ComposeFileError when the name itself is wrong
 */
export function readProjectName(source: ComposeSource): string {
  const report = new Report();
  const file = source.path ?? "compose.yaml";
  const directory = resolve(source.directory ?? dirname(file));
  const variables = projectVariables(source.environment, directory, report);
  const name = projectName(source, { text: source.text ?? readComposeFile(file), file, directory, variables }, report);
  report.throwIfFailed();
  return name;
}

interface NameContext {
  text: string;
  file: string;
  directory: string;
  variables: VariableLookup;
}

/** Known before anything else, since the file may speak of ${COMPOSE_PROJECT_NAME}. */
function projectName(source: ComposeSource, context: NameContext, report: Report): string {
  const { text, file, directory, variables } = context;
  const draft = locate(text, { file, lookup: variables, report: new Report() });
  const scalar = draft?.kind === "map" ? draft.entries.get("name")?.value : undefined;
  const written =
    scalar?.kind === "scalar" && scalar.value !== null ? { name: scalar.text, place: scalar.place } : undefined;
  const variable = variables("COMPOSE_PROJECT_NAME");
  const place = { file, line: 1, column: 1 };
  return chooseProjectName({ flag: source.projectName, variable, file: written, directory, place }, report);
}

function readComposeFile(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.byteLength > MAXIMUM_FILE_BYTES) throw new RangeError(`it has more than ${MAXIMUM_FILE_BYTES} bytes`);
    return bytes.toString("utf8");
  } catch (error) {
    const message = `the Compose file ${path} cannot be read: ${(error as Error).message}`;
    throw composeError("SLIPWAY_COMPOSE_FILE_UNREADABLE", message, { cause: error, place: { file: path } });
  }
}
