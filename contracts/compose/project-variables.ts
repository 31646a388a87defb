import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EnvFileFailure, parseEnvFile } from "./env-file.ts";
import type { VariableLookup } from "./interpolate.ts";
import type { Report } from "./report.ts";

/** The variables a file is interpolated with: the shell's, then those of the .env file in the project's directory. */
export function projectVariables(
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
  report: Report,
): VariableLookup {
  const shell: VariableLookup = (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
  const fromFile = readDotEnv(join(directory, ".env"), shell, report);
  return (name) => shell(name) ?? fromFile.get(name);
}

function readDotEnv(path: string, shell: VariableLookup, report: Report): Map<string, string> {
  try {
    return parseEnvFile(readFileSync(path, "utf8"), shell);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    const line = error instanceof EnvFileFailure ? error.line : 1;
    report.add(
      "SLIPWAY_COMPOSE_ENV_FILE",
      `${path} cannot be read: ${(error as Error).message}`,
      { file: path, line, column: 1 },
      {
        cause: error,
      },
    );
    return new Map();
  }
}
