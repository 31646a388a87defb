import { COMMANDS, type DraftService, FAILURES, FEATURES, type Surroundings } from "./features.ts";
import type { SeededRandom } from "./seeded-random.ts";

const FAILURE_CHANCE = 0.2;
const MOST_SERVICES = 3;

/** A Compose file in JSON, and what is in it in words. */
export interface DraftProject {
  compose: { services: Record<string, DraftService>; networks: object; volumes: object };
  features: string[];
}

/** A project of one to three services with features drawn at random; some cannot be started. */
export function draftProject(random: SeededRandom, surroundings: Surroundings): DraftProject {
  const features = new Set<string>();
  const count = random.between(1, MOST_SERVICES);
  const services = Array.from({ length: count }, (_, index) => [
    `s${index + 1}`,
    draftService(random, surroundings, features),
  ]);
  claimOnce(services.map(([, service]) => service as DraftService));
  return {
    compose: {
      services: Object.fromEntries(services) as Record<string, DraftService>,
      networks: { front: {}, back: { internal: true } },
      volumes: { kept: {}, quick: { driver: "tmpfs" } },
    },
    features: [...features],
  };
}

function draftService(random: SeededRandom, surroundings: Surroundings, features: Set<string>): DraftService {
  const service: DraftService = {
    image: random.pick(surroundings.images),
    command: random.pick(COMMANDS),
    stop_grace_period: random.pick(["50ms", "200ms"]),
    restart: random.pick(["no", "no", "on-failure:1"]),
  };
  for (const [name, { chance, give }] of Object.entries(FEATURES)) {
    if (!random.chance(chance)) continue;
    give(service, random, surroundings);
    features.add(name);
  }
  if (random.chance(FAILURE_CHANCE)) {
    const name = random.pick(Object.keys(FAILURES) as [string, ...string[]]);
    FAILURES[name]!(service, random, surroundings);
    features.add(name);
  }
  settleContradictions(service);
  return service;
}

const isFixed = (port: string): boolean => !port.startsWith("127.0.0.1:0:");
const portsOf = (service: DraftService): string[] => (service.ports as string[] | undefined) ?? [];

/** A host's port is one service's of a file. */
function claimOnce(services: readonly DraftService[]): void {
  const [, ...others] = services.filter((service) => portsOf(service).some(isFixed));
  for (const service of others) service.ports = portsOf(service).filter((port) => !isFixed(port));
}

/** The parser, or the API, refuses a file that asks for both. */
function settleContradictions(service: DraftService): void {
  if (portsOf(service).some(isFixed)) delete service.deploy;
  const isAlone = service.networks !== undefined && !Array.isArray(service.networks);
  if (isAlone) for (const key of ["ports", "x-slipway"]) delete service[key];
}
