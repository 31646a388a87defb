import { describe, expect, it } from "vitest";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { serviceRevision } from "#services/state/revision.ts";
import { dependsOn, project, service } from "#services/state/testing/specs.ts";
import { WorldInMemory } from "./testing/world-in-memory.ts";

const HISTORIES = 150;
const STEPS = 25;

/** A small generator (mulberry32), so that a history that fails can be run again by its seed. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }
}

const routed = (host: string): ServiceSpec["slipway"] => ({
  routes: [{ host, path: "/", port: 80 }],
  publishes: [],
  subscribes: [],
  requests: [],
  serves: [],
});

function randomSpec(random: Random, name: string): ProjectSpec {
  const image = (): string => random.pick(["v1", "v2", "v3"]);
  const services = [
    service("web", {
      image: image(),
      replicas: random.below(4),
      slipway: routed(`${name}.test`),
      dependsOn: dependsOn("service_started", "db"),
    }),
    service("db", { image: image(), ...(random.below(2) === 0 ? { containerName: `${name}-db` } : {}) }),
    service("job", { image: image(), replicas: random.below(2) }),
  ];
  return project(name, random.below(4) === 0 ? services.slice(0, 2) : services);
}

/** Anything that people, nodes, clocks and crashes do. */
function step(random: Random, world: WorldInMemory, name: string): void {
  const wanted = world.snapshot.desired.find(({ key }) => key === name)?.value;
  switch (random.below(9)) {
    case 0:
      if (wanted?.removal === undefined) world.want(randomSpec(random, name));
      return;
    case 1:
      if (wanted !== undefined) world.change(name, { stopped: random.pick([[], ["web"], ["web/1", "db"]]) });
      return;
    case 2:
      if (wanted !== undefined && random.below(3) === 0) world.change(name, { removal: { volumes: true } });
      return;
    case 3:
      world.crashAfter(random.below(3));
      return;
    case 4:
      world.report(
        [random.pick(["web", "db", "job"])],
        random.pick([{}, { state: "failed" }, { state: "exited", exitCode: 1 }]),
      );
      return;
    case 5:
      world.sweep();
      return;
    case 6:
      world.drain();
      return;
    case 7:
      world.now += random.below(2_000);
      return;
    default:
      world.settle();
  }
}

describe("after any history of changes, failures and crashes", () => {
  it.each(Array.from({ length: HISTORIES }, (_, seed) => seed))("the world becomes what is wanted (seed %i)", (seed) => {
    const random = new Random(seed);
    const world = new WorldInMemory();
    for (let at = 0; at < STEPS; at++) step(random, world, random.pick(["shop", "blog"]));
    for (const { key, value } of world.snapshot.desired)
      world.change(key, { stopped: [], ...(value.removal && { removal: value.removal }) });
    world.converge();

    const wanted = world.snapshot.desired.flatMap(({ value: { spec } }) =>
      Object.values(spec.services).flatMap((each) =>
        Array.from({ length: each.replicas }, (_, at) =>
          [spec.name, each.name, at + 1, serviceRevision(spec, each.name)].join(" "),
        ),
      ),
    );
    const there = world.snapshot.assignments.map(({ value }) =>
      [value.project, value.service, value.index, value.revision].join(" "),
    );
    expect(there.toSorted()).toEqual(wanted.toSorted());
    expect(world.snapshot.observed).toHaveLength(wanted.length);
    expect(world.snapshot.desired.every(({ value }) => value.removal === undefined)).toBe(true);
    const ready = world.snapshot.routes.map(({ value }) => `${value.project} ${value.targets.length}`);
    const web = world.snapshot.desired.map(({ key, value }) => `${key} ${value.spec.services["web"]?.replicas}`);
    expect(ready.toSorted()).toEqual(web.toSorted());
  });
});

describe("through any number of rollouts with a crash after every action", () => {
  it("a service that starts first always has as many ready targets as replicas", () => {
    const world = new WorldInMemory();
    const spec = (image: string) => project("shop", [service("web", { image, replicas: 3, slipway: routed("shop.test") })]);
    world.want(spec("v0"));
    world.converge();
    for (const image of ["v1", "v2", "v3"]) {
      world.want(spec(image));
      for (let round = 0; round < 100; round++) {
        world.crashAfter(1);
        const targets = world.snapshot.routes[0]?.value.targets ?? [];
        const alive = targets.filter(
          ({ state, instanceId }) =>
            state === "ready" && world.snapshot.assignments.some(({ value }) => value.instanceId === instanceId),
        );
        expect(alive.length).toBeGreaterThanOrEqual(3);
        world.report();
        world.sweep();
        if (round % 2 === 0) world.drain();
        else world.now += 250;
      }
      expect(world.assigned("web").map((each) => each.spec.image)).toEqual([image, image, image]);
    }
  });
});
