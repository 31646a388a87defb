import type { ProjectStatus, ServiceStatus } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import { listInstances } from "../api/resources.ts";
import { cliError } from "../errors.ts";
import { formatError } from "../output/print-error.ts";
import type { Invocation } from "../verb.ts";

/** Prints why each failed service failed, with its remedy; returns the exit code. */
export async function reportFailures(
  { api, terminal, signal }: Pick<Invocation, "api" | "terminal" | "signal">,
  status: ProjectStatus,
): Promise<number> {
  const instances = await listInstances(api, { project: status.project, all: true }, signal);
  for (const service of status.services.filter(({ state }) => state === "failed")) {
    terminal.stderr.write(formatError(whyFailed(status.project, service, instances), terminal.colourErrors));
  }
  return 1;
}

function whyFailed(
  project: string,
  service: ServiceStatus,
  instances: readonly ObservedInstance[],
): Parameters<typeof formatError>[0] {
  const failed = instances.find((instance) => instance.service === service.service && instance.error !== undefined);
  if (failed?.error !== undefined) {
    const { code, message, remedy } = failed.error;
    return { code, message: `${service.service}: ${message}`, remedy, place: undefined };
  }
  const remedy = `\`slipway logs -p ${project} ${service.service}\` shows what it said.`;
  return cliError("SLIPWAY_CLI_NOT_READY", `${service.service}: ${service.detail}`, { remedy });
}
