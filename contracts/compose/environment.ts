import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { EnvFileFailure, parseEnvFile, parseRawEnvFile } from "./env-file.ts";
import type { VariableLookup } from "./interpolate.ts";
import type { Located } from "./located.ts";
import type { Section } from "./section.ts";

export interface EnvironmentSource {
  directory: string;
  lookup: VariableLookup;
}

/** `env_file` (the later file wins), then `environment` over it. */
export function readEnvironment(service: Section, source: EnvironmentSource): Record<string, string> {
  const variables = new Map<string, string>();
  for (const file of readEnvFiles(service)) {
    for (const [name, value] of loadEnvFile(service, file, source)) variables.set(name, value);
  }
  for (const [name, { value, place }] of service.pairs("environment")) {
    if (name === "" || name.includes("\0") || name.includes("=")) {
      service.fail("SLIPWAY_COMPOSE_VALUE", `${JSON.stringify(name)} is no name of an environment variable`, place);
    }
    const resolved = value ?? source.lookup(name);
    if (resolved === undefined) variables.delete(name);
    else variables.set(name, resolved);
  }
  return Object.fromEntries(variables);
}

interface EnvFileEntry {
  path: string;
  required: boolean;
  raw: boolean;
  place: Located["place"];
}

function readEnvFiles(service: Section): EnvFileEntry[] {
  const value = service.get("env_file");
  if (value === undefined) return [];
  const items = value.kind === "list" ? value.items : [value];
  return items.flatMap((item) => readEnvFileEntry(service, item) ?? []);
}

function readEnvFileEntry(service: Section, item: Located): EnvFileEntry | undefined {
  if (item.kind === "scalar") return { path: item.text, required: true, raw: false, place: item.place };
  const section = service.asSection(item, `${service.path}.env_file[]`);
  const path = section?.string("path");
  if (section === undefined) return undefined;
  if (path === undefined) {
    section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a path`, section.place);
    return undefined;
  }
  const format = section.string("format");
  if (format !== undefined && format !== "raw") {
    section.fail(
      "SLIPWAY_COMPOSE_VALUE",
      `${section.path}.format is raw or absent, not ${JSON.stringify(format)}`,
      section.placeOf("format"),
    );
  }
  return { path, required: section.boolean("required") ?? true, raw: format === "raw", place: item.place };
}

function loadEnvFile(service: Section, entry: EnvFileEntry, source: EnvironmentSource): Map<string, string> {
  const path = resolve(source.directory, entry.path);
  try {
    const text = readFileSync(path, "utf8");
    return entry.raw ? parseRawEnvFile(text) : parseEnvFile(text, source.lookup);
  } catch (error) {
    if (error instanceof EnvFileFailure) {
      service.fail("SLIPWAY_COMPOSE_ENV_FILE", `${error.message} (an env file of ${service.path})`, {
        file: path,
        line: error.line,
        column: 1,
      });
    } else if (entry.required || (error as NodeJS.ErrnoException).code !== "ENOENT") {
      const message = `the env file ${path} of ${service.path} cannot be read: ${(error as Error).message}`;
      service.fail("SLIPWAY_COMPOSE_ENV_FILE", message, entry.place, { cause: error });
    }
    return new Map();
  }
}
