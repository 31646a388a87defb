import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { cliError } from "./errors.ts";

/** The names that the Compose Specification gives a file, the preferred first. */
const FILE_NAMES = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

type Environment = Readonly<Record<string, string | undefined>>;

/** The Compose file that `-f` names, else the one of this folder or of the nearest one above it. */
export function findComposeFile(named: string | undefined, folder = process.cwd()): string | undefined {
  if (named !== undefined) return named;
  for (let current = resolve(folder); ; current = dirname(current)) {
    const found = FILE_NAMES.map((name) => join(current, name)).find((path) => existsSync(path));
    if (found !== undefined) return relative(process.cwd(), found) || found;
    if (current === dirname(current)) return undefined;
  }
}

/** As {@link findComposeFile}. @throws SLIPWAY_CLI_NO_COMPOSE_FILE */
export function requireComposeFile(named: string | undefined): string {
  const found = findComposeFile(named);
  if (found !== undefined) return found;
  throw cliError(
    "SLIPWAY_CLI_NO_COMPOSE_FILE",
    `there is no Compose file (${FILE_NAMES.join(", ")}) in ${process.cwd()} or above it`,
  );
}

/** The project that a command means: -p, or that of the Compose file at hand. */
export async function projectAtHand(
  flag: string | undefined,
  file: string | undefined,
  environment: Environment,
): Promise<string | undefined> {
  if (flag !== undefined) return flag;
  const path = findComposeFile(file);
  if (path === undefined) return environment.COMPOSE_PROJECT_NAME || undefined;
  const { readProjectName } = await import("#contracts/compose/parse-compose-file.ts");
  return readProjectName({ path, environment });
}

/** As {@link projectAtHand}. @throws SLIPWAY_CLI_NO_PROJECT */
export async function requireProject(
  flag: string | undefined,
  file: string | undefined,
  environment: Environment,
): Promise<string> {
  const project = await projectAtHand(flag, file, environment);
  if (project !== undefined) return project;
  throw cliError(
    "SLIPWAY_CLI_NO_PROJECT",
    `no project is named, and there is no Compose file in ${process.cwd()} or above it`,
  );
}
