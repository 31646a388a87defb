import type { ResourceLimits } from "../service-spec.ts";
import { parseSizeBytes } from "./quantities.ts";
import type { Section } from "./section.ts";

/** docker's minimum: a container with less cannot start. */
export const MINIMUM_MEMORY_BYTES = 6 * 1024 * 1024;

type LimitName = keyof ResourceLimits;
interface Limit {
  value: number;
  section: Section;
  key: string;
}

/** `mem_limit`, `cpus`, `pids_limit` and `deploy.resources.limits`; the same limit twice must be the same. */
export function readLimits(service: Section): ResourceLimits {
  const limits = service.section("deploy")?.section("resources")?.section("limits");
  const memory = agree(
    limit(service, "mem_limit", service.parsedKey("mem_limit", parseMemoryBytes)),
    limits && limit(limits, "memory", limits.parsedKey("memory", parseMemoryBytes)),
  );
  const cpus = agree(
    limit(service, "cpus", service.number("cpus", { minimum: 0 })),
    limits && limit(limits, "cpus", limits.number("cpus", { minimum: 0 })),
  );
  const pids = agree(
    limit(service, "pids_limit", service.number("pids_limit", { integer: true, minimum: -1 })),
    limits && limit(limits, "pids", limits.number("pids", { integer: true, minimum: -1 })),
  );
  return { ...named("memoryBytes", memory), ...named("cpus", cpus), ...named("pids", pids) };
}

/** A memory limit; 0 is none. @throws RangeError */
export function parseMemoryBytes(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes > 0 && bytes < MINIMUM_MEMORY_BYTES) {
    throw new RangeError(
      `a memory limit of ${text} (${bytes} bytes) is below the minimum of 6m (${MINIMUM_MEMORY_BYTES} bytes)`,
    );
  }
  return bytes;
}

function limit(section: Section, key: string, value: number | undefined): Limit | undefined {
  return value === undefined ? undefined : { value, section, key };
}

function agree(short: Limit | undefined, deployed: Limit | undefined): number | undefined {
  if (short !== undefined && deployed !== undefined && short.value !== deployed.value) {
    const message = `${short.section.path}.${short.key} and ${deployed.section.path}.${deployed.key} set different limits`;
    deployed.section.fail("SLIPWAY_COMPOSE_CONFLICT", message, deployed.section.placeOf(deployed.key));
  }
  return (short ?? deployed)?.value;
}

/** 0 and -1 are docker's words for no limit. */
function named(name: LimitName, value: number | undefined): ResourceLimits {
  return value === undefined || value <= 0 ? {} : { [name]: value };
}
