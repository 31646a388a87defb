import type { ObservedInstance } from "#contracts/instance.ts";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { nearest } from "./arguments/nearest.ts";
import { cliError } from "./errors.ts";

/** What a name on the command line means: one instance, or a service with all its replicas. */
export interface Reference {
  /** As the API takes it: an instance's id, or `<project>/<service>`. */
  ref: string;
  instances: ObservedInstance[];
}

/**
 * Finds what a person named: an id or the beginning of one, an instance's name, `<project>/<service>`, or a service's name alone
 * where one project has it (the project at hand goes first).
 * @throws SLIPWAY_CLI_NOT_FOUND, SLIPWAY_CLI_AMBIGUOUS
 */
export function findReference(
  name: string,
  all: readonly ObservedInstance[],
  projectAtHand: string | undefined,
): Reference {
  const named = all.filter((instance) => instance.name === name || instance.instanceId === name);
  if (named.length === 1) return { ref: named[0]!.instanceId, instances: named };
  const services = groupByService(
    all.filter(({ project, service }) => service === name || `${project}/${service}` === name),
  );
  const service = services.get(`${projectAtHand}/${name}`) ?? (services.size === 1 ? [...services.values()][0] : undefined);
  if (service !== undefined) return { ref: `${service[0]!.project}/${service[0]!.service}`, instances: service };
  const prefixed = /^[0-9a-f]+$/.test(name) ? all.filter(({ instanceId }) => instanceId.startsWith(name)) : [];
  if (services.size === 0 && prefixed.length === 1) return { ref: prefixed[0]!.instanceId, instances: prefixed };
  const choices = [...services.keys(), ...prefixed.map(({ instanceId }) => instanceId)];
  if (choices.length === 0) throw notFound(name, all);
  throw cliError("SLIPWAY_CLI_AMBIGUOUS", `${JSON.stringify(name)} may be any of ${choices.join(", ")}`);
}

function groupByService(instances: readonly ObservedInstance[]): Map<string, ObservedInstance[]> {
  return Map.groupBy(instances, ({ project, service }) => `${project}/${service}`);
}

function notFound(name: string, all: readonly ObservedInstance[]): SlipwayError {
  const known = [...new Set(all.flatMap((instance) => [instance.name, instance.service]))];
  const meant = nearest(name, known);
  const there =
    known.length === 0
      ? "there are no instances"
      : `there are: ${known.slice(0, 12).join(", ")}${known.length > 12 ? ", …" : ""}`;
  return cliError(
    "SLIPWAY_CLI_NOT_FOUND",
    `no instance or service is called ${JSON.stringify(name)}; ${there}`,
    meant === undefined ? {} : { remedy: `Did you mean ${meant}?` },
  );
}
