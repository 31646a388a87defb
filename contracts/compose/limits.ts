import type { ResourceLimits } from "../service-spec.ts";
import { readBlockIo } from "./block-io.ts";
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

/**
 * What a service may use: `mem_limit`, `cpus`, `pids_limit` and `deploy.resources` (the same limit twice must be the same), and
 * what only the service's own level has a key for.
 */
export function readLimits(service: Section): ResourceLimits {
  const resources = service.section("deploy")?.section("resources");
  const limits = resources?.section("limits");
  const memory = agree(
    limit(service, "mem_limit", service.parsedKey("mem_limit", parseMemoryBytes)),
    limits && limit(limits, "memory", limits.parsedKey("memory", parseMemoryBytes)),
  );
  const pids = agree(
    limit(service, "pids_limit", service.number("pids_limit", { integer: true, minimum: -1 })),
    limits && limit(limits, "pids", limits.number("pids", { integer: true, minimum: -1 })),
  );
  const blockIo = readBlockIo(service);
  return {
    ...named("memoryBytes", memory),
    ...readSwap(service, memory),
    ...named("memoryReservationBytes", readReservation(service, resources?.section("reservations"), memory)),
    ...readCpus(service, limits),
    ...(pids === undefined ? {} : { pids: pids <= 0 ? -1 : pids }),
    ...(blockIo === undefined ? {} : { blockIo }),
  };
}

/** `memswap_limit` counts memory and swap together; as docker's, it means nothing without a limit on memory. */
function readSwap(service: Section, memory: number | undefined): ResourceLimits {
  const swappiness = service.number("mem_swappiness", { integer: true, minimum: 0, maximum: 100 });
  const limits: ResourceLimits = swappiness === undefined ? {} : { memorySwappiness: swappiness };
  const scalar = service.scalar("memswap_limit");
  const bytes = scalar && service.parsed("memswap_limit", scalar, (text) => (text === "-1" ? -1 : parseSizeBytes(text)));
  if (scalar === undefined || bytes === undefined || bytes === 0) return limits;
  if (memory === undefined || memory <= 0) {
    const message = `${service.path}.memswap_limit needs a mem_limit, which it is the sum of, with swap`;
    service.fail("SLIPWAY_COMPOSE_CONFLICT", message, scalar.place, { remedy: "Set mem_limit, too." });
  } else if (bytes !== -1 && bytes < memory) {
    const message = `${service.path}.memswap_limit (${bytes} bytes) is memory and swap together, and less than mem_limit (${memory} bytes)`;
    service.fail("SLIPWAY_COMPOSE_CONFLICT", message, scalar.place, {
      remedy: "Make it at least mem_limit; -1 is all swap.",
    });
  }
  return { ...limits, memoryAndSwapBytes: bytes };
}

function readReservation(
  service: Section,
  reservations: Section | undefined,
  memory: number | undefined,
): number | undefined {
  const own = limit(service, "mem_reservation", service.parsedKey("mem_reservation", parseSizeBytes));
  const deployed = reservations && limit(reservations, "memory", reservations.parsedKey("memory", parseSizeBytes));
  const reserved = agree(own, deployed);
  const where = own ?? deployed;
  if (reserved !== undefined && where !== undefined && memory !== undefined && memory > 0 && reserved > memory) {
    const message = `${where.section.path}.${where.key} reserves ${reserved} bytes, more than the limit of ${memory} bytes`;
    where.section.fail("SLIPWAY_COMPOSE_CONFLICT", message, where.section.placeOf(where.key));
  }
  return reserved;
}

function readCpus(service: Section, limits: Section | undefined): ResourceLimits {
  const cpus = agree(
    limit(service, "cpus", service.number("cpus", { minimum: 0 })),
    limits && limit(limits, "cpus", limits.number("cpus", { minimum: 0 })),
  );
  const quota = service.number("cpu_quota", { integer: true, minimum: -1 });
  const period = service.parsedKey("cpu_period", parsePeriodUs);
  const shares = service.number("cpu_shares", { integer: true, minimum: 0, maximum: 262_144 });
  const cpuset = service.parsedKey("cpuset", parseCpuset);
  return {
    ...named("cpus", cpus),
    ...readQuota(service, cpus, quota, period),
    ...(shares === undefined || shares === 0 ? {} : { cpuShares: Math.max(2, shares) }),
    ...(cpuset === undefined ? {} : { cpuset }),
  };
}

/** A quota of a period is what `cpus` says in another way. */
function readQuota(
  service: Section,
  cpus: number | undefined,
  quota: number | undefined,
  period: number | undefined,
): ResourceLimits {
  const key = quota === undefined ? "cpu_period" : "cpu_quota";
  if (quota === undefined && period === undefined) return {};
  if (cpus !== undefined && cpus > 0) {
    const message = `${service.path}.${key} and cpus both say how much CPU time there is`;
    service.fail("SLIPWAY_COMPOSE_CONFLICT", message, service.placeOf(key), { remedy: "Keep one of them." });
    return {};
  }
  if (quota === undefined) {
    const message = `${service.path}.cpu_period is what a cpu_quota is a part of, and there is none`;
    service.fail("SLIPWAY_COMPOSE_CONFLICT", message, service.placeOf(key), { remedy: "Set cpu_quota, too, or use cpus." });
    return {};
  }
  if (quota <= 0) return {};
  const cpuPeriodUs = period ?? 100_000;
  return { cpus: quota / cpuPeriodUs, ...(period === undefined ? {} : { cpuPeriodUs }) };
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

/** Microseconds, or a duration with its unit; the kernel takes 1 ms to 1 s. @throws RangeError */
function parsePeriodUs(text: string): number {
  const microseconds = /^(\d+)us$/.exec(text)?.[1] ?? text;
  const milliseconds = /^(\d+)ms$/.exec(text)?.[1];
  const period = milliseconds === undefined ? Number(microseconds) : Number(milliseconds) * 1_000;
  if (Number.isInteger(period) && period >= 1_000 && period <= 1_000_000) return period;
  throw new RangeError(`${JSON.stringify(text)} is no period from 1000 to 1000000 microseconds`);
}

/** cpuset(7), "List format": `0-2,5`. @throws RangeError */
export function parseCpuset(text: string): string {
  const cpus = text.replaceAll(/\s/g, "");
  const ranges = cpus.split(",").map((range) => /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range));
  if (ranges.every((range) => range !== null && Number(range[1]) <= Number(range[2] ?? range[1]))) return cpus;
  throw new RangeError(`${JSON.stringify(text)} is no list of CPUs (as in 0-2,5)`);
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
