import type { ServiceSpec } from "#contracts/service-spec.ts";
import { containerError } from "./errors.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What an image says about the process: OCI image configuration, "config". */
export interface ImageProcess {
  env: readonly string[];
  entrypoint: readonly string[];
  command: readonly string[];
  workingDir: string;
}

/** argv as docker builds it: an entrypoint of the service's own puts the image's command aside. */
export function resolveArgv(spec: Pick<ServiceSpec, "entrypoint" | "command" | "name">, image: ImageProcess): string[] {
  const entrypoint = spec.entrypoint ?? image.entrypoint;
  const command = spec.command ?? (spec.entrypoint === undefined ? image.command : []);
  const argv = [...entrypoint, ...command];
  if (argv.length === 0) {
    throw containerError("SLIPWAY_CONTAINER_NO_COMMAND", `"${spec.name}" has no command, and its image names none`);
  }
  return argv;
}

/** The image's environment, then `platform`'s, then the service's own; each name once. */
export function resolveEnvironment(
  image: Pick<ImageProcess, "env">,
  platform: Record<string, string>,
  service: Record<string, string>,
): Map<string, string> {
  const environment = new Map<string, string>([["PATH", DEFAULT_PATH]]);
  for (const entry of image.env) {
    const equals = entry.indexOf("=");
    if (equals > 0) environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, value] of [...Object.entries(platform), ...Object.entries(service)]) environment.set(name, value);
  return environment;
}

export const environmentStrings = (environment: ReadonlyMap<string, string>): string[] =>
  [...environment].map(([name, value]) => `${name}=${value}`);

/** The paths that execvp(3) would try. */
export function execCandidates(command: string, path: string | undefined): string[] {
  if (command.includes("/")) return [command];
  const directories = (path ?? DEFAULT_PATH).split(":").map((directory) => directory || ".");
  return directories.map((directory) => `${directory}/${command}`);
}
