import { describe, expect, it } from "vitest";
import { ATTACH_GRACE_MS } from "./one-off.ts";
import { DRAIN_NOTICE_MS } from "#contracts/route.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { HEALTHCHECK, dependsOn, project, service } from "#services/state/testing/specs.ts";
import { NODE, WorldInMemory } from "./testing/world-in-memory.ts";

const ROUTED: Partial<ServiceSpec> = {
  slipway: {
    routes: [{ host: "shop.test", path: "/", port: 8080 }],
    publishes: [],
    subscribes: [],
    requests: [],
    serves: [],
  },
};

/** A world in which this has been applied and everything runs. */
function running(...services: ServiceSpec[]): WorldInMemory {
  const world = new WorldInMemory();
  world.want(project("shop", services));
  world.converge();
  return world;
}

const types = (actions: { type: string }[]): string[] => actions.map(({ type }) => type);

describe("creating", () => {
  it("assigns every replica to the node, named by project, service and number", () => {
    const world = new WorldInMemory();
    world.want(project("shop", [service("web", { replicas: 2 })]));
    world.settle();
    const assigned = world.assigned("web");
    expect(assigned.map(({ name }) => name)).toEqual(["shop-web-1", "shop-web-2"]);
    expect(assigned.map(({ node, desired, runSerial }) => [node, desired, runSerial])).toEqual([
      [NODE, "running", 0],
      [NODE, "running", 0],
    ]);
  });

  it("takes the container_name of the spec", () => {
    const world = running(service("web", { containerName: "front" }));
    expect(world.assigned("web").map(({ name }) => name)).toEqual(["front"]);
  });

  it("gives an assignment only the networks and volumes that its service uses", () => {
    const world = new WorldInMemory();
    const volume = { name: "data", driver: "local", driverOptions: {}, labels: {} };
    const mount = { type: "volume", volume: "data", target: "/data", readOnly: false } as const;
    world.want(
      project("shop", [service("db", { mounts: [mount] }), service("web")], {
        volumes: { data: volume, other: { ...volume, name: "other" } },
      }),
    );
    world.settle();
    expect(world.assigned("db")[0]?.volumes).toEqual({ data: volume });
    expect(world.assigned("web")[0]?.volumes).toEqual({});
  });

  it("does nothing when everything is as wanted", () => {
    expect(running(service("db"), service("web", { replicas: 3 })).decide()).toEqual([]);
  });

  it("decides the same ids again, so that of two controllers one wins", () => {
    const world = new WorldInMemory();
    world.want(project("shop", [service("web", { replicas: 2 })]));
    expect(world.decide()).toEqual(world.decide());
  });

  it("makes a removed replica anew under another id once the project was touched", () => {
    const world = running(service("web"));
    const [before] = world.assigned("web");
    world.change("shop", { removal: { volumes: false } });
    world.converge();
    world.want(project("shop", [service("web")]));
    world.converge();
    expect(world.assigned("web")[0]?.instanceId).not.toBe(before?.instanceId);
  });
});

describe("depends_on", () => {
  const pair = (condition: ServiceSpec["dependsOn"][string]["condition"], db: Partial<ServiceSpec> = {}) => {
    const world = new WorldInMemory();
    world.want(project("shop", [service("db", db), service("web", { dependsOn: dependsOn(condition, "db") })]));
    world.settle();
    return world;
  };

  it.each([
    ["service_started", { state: "running", health: "starting" }],
    ["service_started", { state: "exited", exitCode: 0 }],
    ["service_started", { state: "exited", exitCode: 3 }],
    ["service_healthy", { state: "running", health: "healthy" }],
    ["service_completed_successfully", { state: "exited", exitCode: 0 }],
  ] as const)("starts what waits for %s when the dependency is %o", (condition, observed) => {
    const world = pair(condition, { healthcheck: HEALTHCHECK });
    expect(world.assigned("web")).toEqual([]);
    world.report(["db"], observed);
    world.settle();
    expect(world.assigned("web")).toHaveLength(1);
  });

  it.each([
    ["service_started", { state: "creating", startedAt: null }],
    ["service_started", { state: "failed", startedAt: null }],
    ["service_healthy", { state: "running", health: "starting" }],
    ["service_healthy", { state: "running", health: "unhealthy" }],
    ["service_healthy", { state: "running", health: "none" }],
    ["service_completed_successfully", { state: "running" }],
    ["service_completed_successfully", { state: "exited", exitCode: 1 }],
    ["service_completed_successfully", { state: "restarting", exitCode: 0 }],
  ] as const)("holds back what waits for %s while the dependency is %o", (condition, observed) => {
    const world = pair(condition, { healthcheck: HEALTHCHECK });
    world.report(["db"], observed);
    world.settle();
    expect(world.assigned("web")).toEqual([]);
  });

  it("waits for all replicas to be healthy", () => {
    const world = pair("service_healthy", { healthcheck: HEALTHCHECK, replicas: 2 });
    const [first, second] = world.assigned("db");
    world.reportOne(first!);
    world.settle();
    expect(world.assigned("web")).toEqual([]);
    world.reportOne(second!);
    world.settle();
    expect(world.assigned("web")).toHaveLength(1);
  });

  it("starts without a dependency that failed when it is not required", () => {
    const world = new WorldInMemory();
    const optional = { db: { condition: "service_healthy", required: false, restart: false } } as const;
    world.want(project("shop", [service("db"), service("web", { dependsOn: optional })]));
    world.settle();
    expect(world.assigned("web")).toEqual([]);
    world.report(["db"], { state: "failed" });
    world.settle();
    expect(world.assigned("web")).toHaveLength(1);
  });

  it("replaces with a changed dependency only when restart is asked for", () => {
    const restart = { db: { condition: "service_started", required: true, restart: true } } as const;
    const specs = (image: string) => [
      service("db", { image }),
      service("api", { dependsOn: restart }),
      service("web", { dependsOn: dependsOn("service_started", "db") }),
    ];
    const world = running(...specs("host"));
    const before = ["api", "web"].map((name) => world.assigned(name)[0]?.instanceId);
    world.want(project("shop", specs("other")));
    world.converge();
    expect(world.assigned("api")[0]?.instanceId).not.toBe(before[0]);
    expect(world.assigned("web")[0]?.instanceId).toBe(before[1]);
  });
});

describe("scaling", () => {
  it("adds the missing numbers and keeps the rest", () => {
    const world = running(service("web", { replicas: 2 }));
    const before = world.assigned("web").map(({ instanceId }) => instanceId);
    world.want(project("shop", [service("web", { replicas: 3 })]));
    expect(types(world.settle())).toEqual(["create-assignment"]);
    expect(
      world
        .assigned("web")
        .map(({ instanceId }) => instanceId)
        .slice(0, 2),
    ).toEqual(before);
  });

  it("removes the highest numbers first", () => {
    const world = running(service("web", { replicas: 3 }));
    const names = new Map(world.snapshot.assignments.map(({ key, value }) => [key, value.name]));
    world.want(project("shop", [service("web", { replicas: 1 })]));
    const removed = world.settle().map((action) => action.type === "delete-assignment" && names.get(action.key));
    expect(removed).toEqual(["shop-web-3", "shop-web-2"]);
  });

  it("removes the instances of a service that the project no longer has", () => {
    const world = running(service("web"), service("db"));
    world.want(project("shop", [service("web")]));
    world.converge();
    expect([world.assigned("db").length, world.assigned("web").length]).toEqual([0, 1]);
  });

  it("keeps one of two replicas that two controllers made for one place", () => {
    const world = running(service("web"));
    const [first] = world.assigned("web");
    world.put({ ...first!, instanceId: "ffffffffffff" });
    world.converge();
    expect(world.assigned("web").map(({ instanceId }) => instanceId)).toEqual([first!.instanceId]);
  });
});

describe("replacing, start first", () => {
  const replaced = (changes: Partial<ServiceSpec> = {}, replicas = 2) => {
    const world = running(service("web", { replicas, ...changes }));
    world.want(project("shop", [service("web", { replicas, image: "v2", ...changes })]));
    world.settle();
    return world;
  };

  it("starts one new replica and leaves all old ones until it runs", () => {
    const world = replaced();
    expect(world.assigned("web").map(({ spec, index }) => [spec.image, index])).toEqual([
      ["host", 1],
      ["host", 2],
      ["v2", 1],
    ]);
    expect(world.settle()).toEqual([]);
  });

  it("removes the old one when the new one runs, then goes on with the next", () => {
    const world = replaced();
    world.report();
    world.settle();
    expect(world.assigned("web").map(({ spec, index }) => [spec.image, index])).toEqual([
      ["host", 2],
      ["v2", 1],
      ["v2", 2],
    ]);
    world.converge();
    expect(world.assigned("web").map(({ spec }) => spec.image)).toEqual(["v2", "v2"]);
  });

  it("waits for the new one to be healthy where it has a check", () => {
    const world = replaced({ healthcheck: HEALTHCHECK }, 1);
    world.reportOne(world.assigned("web")[1]!, { health: "starting" });
    expect(world.settle()).toEqual([]);
    world.report();
    expect(types(world.settle())).toEqual(["delete-assignment"]);
  });

  it.each([{ state: "failed" }, { health: "unhealthy" }, { state: "exited", exitCode: 1 }] as const)(
    "stops where it is when the new one is %o, and tries nothing again",
    (observed) => {
      const world = replaced({ healthcheck: HEALTHCHECK });
      world.reportOne(world.assigned("web")[2]!, observed);
      expect(world.settle()).toEqual([]);
      world.now += 3_600_000;
      expect(world.settle()).toEqual([]);
      expect(world.assigned("web")).toHaveLength(3);
    },
  );

  it("goes back when the former spec is applied again: the failed replica is removed, the old ones are kept", () => {
    const world = replaced();
    const old = world.assigned("web").slice(0, 2);
    world.reportOne(world.assigned("web")[2]!, { state: "failed" });
    world.want(project("shop", [service("web", { replicas: 2 })]));
    world.converge();
    expect(world.assigned("web")).toEqual(old);
  });

  it("removes a failed replacement when a third spec replaces it, and keeps what serves", () => {
    const world = replaced({}, 1);
    const [old, failed] = world.assigned("web");
    world.reportOne(failed!, { state: "failed" });
    world.want(project("shop", [service("web", { image: "v3" })]));
    world.settle();
    const images = world.assigned("web").map(({ spec }) => spec.image);
    expect(images.toSorted()).toEqual([old!.spec.image, "v3"].toSorted());
    world.converge();
    expect(world.assigned("web").map(({ spec }) => spec.image)).toEqual(["v3"]);
  });

  it("replaces replicas that do not serve at once, all together", () => {
    const world = running(service("web", { replicas: 3 }));
    world.report([], { state: "failed" });
    world.want(project("shop", [service("web", { replicas: 3, image: "v2" })]));
    expect(types(world.settle())).toEqual(Array.from({ length: 3 }, () => "create-assignment"));
  });

  it("says what was replaced in an event", () => {
    const world = replaced({}, 1);
    const before = world.assigned("web")[0]!.revision;
    world.report();
    const [removal] = world.settle();
    expect(removal).toMatchObject({ event: { type: "service.replaced", data: { index: 1, replacedRevision: before } } });
  });
});

describe("replacing, stop first", () => {
  const volumes = { data: { name: "data", driver: "local", driverOptions: {}, labels: {} } };
  const writes = (readOnly: boolean) => [{ type: "volume", volume: "data", target: "/data", readOnly } as const];

  it.each([
    ["has a fixed host port", { ports: [{ hostIp: "0.0.0.0", hostPort: 80, containerPort: 80, protocol: "tcp" }] }, true],
    ["has a chosen host port", { ports: [{ hostIp: "0.0.0.0", hostPort: 0, containerPort: 80, protocol: "tcp" }] }, false],
    ["has a container_name", { containerName: "db" }, true],
    ["writes a named volume", { mounts: writes(false) }, true],
    ["only reads a named volume", { mounts: writes(true) }, false],
  ] as [string, Partial<ServiceSpec>, boolean][])("of a service that %s: %s", (_title, changes, stopsFirst) => {
    const world = new WorldInMemory();
    world.want(project("shop", [service("db", changes)], { volumes }));
    world.converge();
    world.want(project("shop", [service("db", { image: "v2", ...changes })], { volumes }));
    expect(types(world.settle())).toEqual([stopsFirst ? "delete-assignment" : "create-assignment"]);
  });

  it("makes the new one only when the node has no trace of the old one", () => {
    const world = running(service("db", { containerName: "db" }));
    world.want(project("shop", [service("db", { containerName: "db", image: "v2" })]));
    world.settle();
    expect(world.assigned("db")).toEqual([]);
    world.sweep();
    world.settle();
    expect(world.assigned("db").map(({ spec }) => spec.image)).toEqual(["v2"]);
  });

  it("goes one replica at a time", () => {
    const world = new WorldInMemory();
    const db = (image: string) => service("db", { image, replicas: 2, mounts: writes(false) });
    world.want(project("shop", [db("host")], { volumes }));
    world.converge();
    world.want(project("shop", [db("v2")], { volumes }));
    world.settle();
    world.sweep();
    world.settle();
    expect(world.assigned("db").map(({ spec, index }) => [spec.image, index])).toEqual([
      ["host", 2],
      ["v2", 1],
    ]);
    world.converge();
    expect(world.assigned("db").map(({ spec }) => spec.image)).toEqual(["v2", "v2"]);
  });
});

describe("routes", () => {
  const targets = (world: WorldInMemory) => world.snapshot.routes[0]?.value.targets.map(({ state }) => state);

  it("names a running instance with its address and the route's port", () => {
    const world = running(service("web", ROUTED));
    const [web] = world.assigned("web");
    const ip = world.snapshot.observed[0]?.value.ip;
    expect(world.snapshot.routes.map(({ value }) => value)).toEqual([
      {
        host: "shop.test",
        path: "/",
        project: "shop",
        service: "web",
        targets: [{ instanceId: web!.instanceId, address: ip, port: 8080, state: "ready" }],
      },
    ]);
  });

  it.each([
    [{ health: "healthy" }, ["ready"]],
    [{ health: "none" }, ["ready"]],
    [{ health: "unhealthy" }, ["unhealthy"]],
    [{ health: "starting" }, []],
    [{ state: "restarting" }, []],
    [{ state: "exited", exitCode: 1 }, []],
    [{ ip: null }, []],
  ] as const)("of an instance that is %o has the targets %o", (observed, expected) => {
    const world = running(service("web", { ...ROUTED, healthcheck: HEALTHCHECK }));
    world.report([], observed);
    world.settle();
    expect(targets(world)).toEqual(expected);
  });

  it("never lose their last ready target in a rollout, and drain the old instance before it goes", () => {
    const world = running(service("web", ROUTED));
    world.want(project("shop", [service("web", { ...ROUTED, image: "v2" })]));
    world.settle();
    expect(targets(world)).toEqual(["ready"]);
    world.report();
    const start = world.now;
    world.settle();
    expect(targets(world)?.toSorted()).toEqual(["draining", "ready"]);
    expect(world.assigned("web")).toHaveLength(2);
    world.now = start + DRAIN_NOTICE_MS - 1;
    expect(world.settle()).toEqual([]);
    expect(world.wakeAt).toBe(start + DRAIN_NOTICE_MS);
    world.now = start + DRAIN_NOTICE_MS;
    world.settle();
    expect(world.assigned("web").map(({ spec }) => spec.image)).toEqual(["v2"]);
    expect(targets(world)).toEqual(["ready"]);
  });

  it("let an instance go before its notice when the gateway is done with it, but not while one of them sends to it", () => {
    const world = running(service("web", ROUTED));
    const [old] = world.assigned("web");
    world.want(project("shop", [service("web", { ...ROUTED, image: "v2" })]));
    world.settle();
    world.report();
    // Marked as draining, with its route still to be written: nothing that the gateway says now is about it.
    world.crashAfter(2);
    expect(world.assigned("web").map(({ drainingSince }) => drainingSince !== undefined)).toEqual([true, false]);
    world.drain();
    expect([targets(world)?.toSorted(), world.drained.size]).toEqual([["ready", "ready"], 0]);
    world.settle();
    expect(world.assigned("web")).toHaveLength(2);
    world.drain();
    expect([...world.drained]).toEqual([old?.instanceId]);
    world.settle();
    expect(world.assigned("web").map(({ spec }) => spec.image)).toEqual(["v2"]);
  });

  it("follow a changed port and path without a new container", () => {
    const world = running(service("web", ROUTED));
    const before = world.assigned("web");
    const moved = { ...ROUTED.slipway!, routes: [{ host: "shop.test", path: "/api", port: 9090 }] };
    world.want(project("shop", [service("web", { slipway: moved })]));
    world.converge();
    expect(world.assigned("web")).toEqual(before);
    expect(world.snapshot.routes.map(({ value }) => [value.path, value.targets[0]?.port])).toEqual([["/api", 9090]]);
  });

  it("stay with the project that had them first", () => {
    const world = running(service("web", ROUTED));
    world.want(project("aaa", [service("web", ROUTED)]));
    world.converge();
    expect(world.snapshot.routes.map(({ value }) => value.project)).toEqual(["shop"]);
  });

  it("end with their service", () => {
    const world = running(service("web", ROUTED));
    world.want(project("shop", [service("web")]));
    world.converge();
    expect(world.snapshot.routes).toEqual([]);
  });
});

describe("while nodes are silent after a restart of nats-server", () => {
  const silent = (changes: Partial<ServiceSpec>, image = "host"): WorldInMemory => {
    const world = running(service("web", { replicas: 3, ...changes }));
    world.forgetObservations();
    if (image !== "host") world.want(project("shop", [service("web", { replicas: 3, ...changes, image })]));
    world.settle();
    return world;
  };

  it("routes stay as they are", () => {
    const world = silent(ROUTED);
    expect(world.snapshot.routes[0]?.value.targets.map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
  });

  it("nothing is removed or made anew", () => {
    expect(silent({}).decide()).toEqual([]);
    expect(silent({}).assigned("web")).toHaveLength(3);
  });

  it("a rollout takes one replica, not all as if they were broken", () => {
    const world = silent({ ports: [] }, "v2");
    expect(world.assigned("web")).toHaveLength(4);
  });
});

describe("stopping and starting", () => {
  it("holds a stopped service and starts it anew afterwards", () => {
    const world = running(service("web", { replicas: 2 }));
    world.change("shop", { stopped: ["web"] });
    world.settle();
    expect(world.assigned("web").map(({ desired }) => desired)).toEqual(["stopped", "stopped"]);
    world.report([], { state: "exited", exitCode: 143 });
    world.change("shop", { stopped: [] });
    world.settle();
    expect(world.assigned("web").map(({ desired, runSerial }) => [desired, runSerial])).toEqual([
      ["running", 1],
      ["running", 1],
    ]);
  });

  it("stops a single replica", () => {
    const world = running(service("web", { replicas: 2 }));
    world.change("shop", { stopped: ["web/2"] });
    world.settle();
    expect(world.assigned("web").map(({ desired }) => desired)).toEqual(["running", "stopped"]);
  });

  it("makes no replica that is held stopped", () => {
    const world = new WorldInMemory();
    world.want(project("shop", [service("web", { replicas: 2 })]), { stopped: ["web/1"] });
    world.settle();
    expect(world.assigned("web").map(({ index }) => index)).toEqual([2]);
  });

  it("replaces a stopped replica instead of starting the old revision", () => {
    const world = running(service("web"));
    world.change("shop", { stopped: ["web"] });
    world.settle();
    world.report([], { state: "exited", exitCode: 143 });
    world.want(project("shop", [service("web", { image: "v2" })]));
    expect(types(world.settle())).toEqual(["create-assignment"]);
  });
});

describe("removing a project", () => {
  const down = (volumes: boolean): WorldInMemory => {
    const world = new WorldInMemory();
    const web = service("web", { dependsOn: dependsOn("service_started", "db"), ...ROUTED });
    const data = { name: "data", driver: "local", driverOptions: {}, labels: {} };
    world.want(project("shop", [service("db"), web], { volumes: { data } }));
    world.converge();
    world.change("shop", { removal: { volumes } });
    return world;
  };

  it("ends dependants before what they depend on", () => {
    const world = down(false);
    world.settle();
    world.now += DRAIN_NOTICE_MS;
    world.settle();
    expect([world.assigned("web").length, world.assigned("db").length]).toEqual([0, 1]);
    world.sweep();
    world.settle();
    expect(world.assigned("db")).toEqual([]);
  });

  it("ends what has no dependants left that run, while those are taken apart", () => {
    const world = down(false);
    const [web] = world.assigned("web");
    world.settle();
    world.now += DRAIN_NOTICE_MS;
    world.settle();
    world.reportOne(web!, { state: "stopping" });
    world.settle();
    expect(world.assigned("db")).toHaveLength(1);
    world.reportOne(web!, { state: "exited", exitCode: 0 });
    world.settle();
    expect(world.assigned("db")).toEqual([]);
    expect(world.snapshot.desired).toHaveLength(1);
  });

  it("deletes the project's key last, after all instances are gone from the node", () => {
    const world = down(true);
    world.converge();
    expect(types(world.done).slice(-3)).toEqual(["remove-volume", "remove-account", "delete-project"]);
    expect(world.done.at(-3)).toMatchObject({ name: "shop_data" });
    expect(world.snapshot).toMatchObject({ desired: [], assignments: [], routes: [] });
  });

  it("keeps the volumes unless they were named", () => {
    const world = down(false);
    world.converge();
    expect(types(world.done)).not.toContain("remove-volume");
  });

  it("leaves the instances of other projects and of none alone", () => {
    const world = down(false);
    world.want(project("other", [service("web")]));
    world.settle();
    const [other] = world.assigned("web").filter((assignment) => assignment.project === "other");
    world.put({ ...other!, project: "nobody", instanceId: "0123456789ab" });
    world.converge();
    expect(world.snapshot.assignments.map(({ value }) => value.project).toSorted()).toEqual(["nobody", "other"]);
  });
});

describe("one-off instances", () => {
  const oneOff = (waitForAttach: boolean, removeOnExit = true) => {
    const world = running(service("web"));
    const attached = { interactive: false, waitForAttach, removeOnExit };
    const assignment = { ...world.assigned("web")[0]!, instanceId: "0123456789ab", service: "job", attached };
    world.put({ ...assignment, project: "run" });
    return world;
  };
  const report = (world: WorldInMemory, changes: object): void => world.report(["job"], changes);

  it.each(["exited", "failed"] as const)("are removed when they have %s and nobody is to attach", (state) => {
    const world = oneOff(false);
    report(world, { state });
    expect(types(world.settle())).toEqual(["delete-assignment"]);
  });

  it("are kept a while for who has yet to attach", () => {
    const world = oneOff(true);
    report(world, { state: "exited", exitCode: 0, finishedAt: new Date(world.now).toISOString() });
    expect(world.settle()).toEqual([]);
    expect(world.wakeAt).toBe(world.now + ATTACH_GRACE_MS);
    world.now += ATTACH_GRACE_MS;
    expect(types(world.settle())).toEqual(["delete-assignment"]);
  });

  it("are not kept for an hour when the clock was set back since they ended", () => {
    const world = oneOff(true);
    report(world, { state: "exited", exitCode: 0, finishedAt: new Date(world.now).toISOString() });
    world.now -= 3_600_000;
    expect(types(world.settle())).toEqual(["delete-assignment"]);
  });

  it("are kept for ever without --rm", () => {
    const world = oneOff(false, false);
    report(world, { state: "exited", exitCode: 0 });
    world.now += 3_600_000;
    expect(world.settle()).toEqual([]);
  });

  it("run on while they run", () => {
    const world = oneOff(false);
    report(world, { state: "running" });
    expect(world.settle()).toEqual([]);
  });
});
