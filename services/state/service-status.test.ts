import { describe, expect, it } from "vitest";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { DesiredProject } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { instanceKey } from "#contracts/buckets.ts";
import { projectStatus } from "./project-status.ts";
import { serviceRevision } from "./revision.ts";
import type { Snapshot } from "./snapshot.ts";
import { assignment } from "./testing/assignment.ts";
import { observation } from "./testing/observation.ts";
import { HEALTHCHECK, dependsOn, desired, project, service } from "./testing/specs.ts";

type Report = Partial<ObservedInstance> | "none";

interface Given {
  spec?: Partial<ServiceSpec>;
  changes?: Partial<DesiredProject>;
  /** What is reported of replica 1, 2, …; "none": assigned and not reported. */
  reports: Report[];
  /** The assignments are of another revision. */
  outdated?: boolean;
  runSerial?: number;
}

function statusOf({ spec = {}, changes = {}, reports, outdated = false, runSerial = 0 }: Given) {
  const wanted = project("shop", [service("web", spec)]);
  const assignments = reports.map((_, at) => {
    const instanceId = String(at + 1).padStart(12, "0");
    const revision = outdated ? "old" : serviceRevision(wanted, "web");
    const value = assignment(instanceId, { index: at + 1, revision, runSerial, spec: wanted.services["web"]! });
    return { key: instanceKey("n1", instanceId), value, revision: at + 1 };
  });
  const observed = assignments.flatMap((entry, at) => {
    const report = reports[at]!;
    return report === "none" ? [] : [{ ...entry, value: observation(entry.value, { runSerial: 0, ...report }) }];
  });
  const snapshot: Snapshot = { desired: [], assignments, observed, routes: [] };
  return projectStatus(desired(wanted, changes), snapshot);
}

describe("a service with a route", () => {
  const wanted = project("shop", [
    service("web", {
      slipway: {
        routes: [{ host: "a.test", path: "/", port: 80 }],
        publishes: [],
        subscribes: [],
        requests: [],
        serves: [],
      },
    }),
  ]);
  const value = assignment("000000000001", { revision: serviceRevision(wanted, "web"), spec: wanted.services["web"]! });
  const entry = { key: instanceKey("n1", value.instanceId), value, revision: 1 };
  const state = (targets: { instanceId: string; state: "ready" | "unhealthy" }[] | undefined) => {
    const routes = targets?.map((target) => ({ ...target, address: "10.83.1.2", port: 80 }));
    const route = { host: "a.test", path: "/", project: "shop", service: "web", targets: routes ?? [] };
    const { services } = projectStatus(desired(wanted), {
      desired: [],
      assignments: [entry],
      observed: [{ ...entry, value: observation(value) }],
      routes: routes === undefined ? [] : [{ key: "k", revision: 2, value: route }],
    });
    return services[0];
  };

  it("is ready when the route leads to its instances, and no sooner", () => {
    const waiting = { state: "progressing", detail: "its route a.test/ is on the way" };
    expect(state(undefined)).toMatchObject(waiting);
    expect(state([])).toMatchObject(waiting);
    expect(state([{ instanceId: "000000000002", state: "ready" }])).toMatchObject(waiting);
    expect(state([{ instanceId: "000000000001", state: "unhealthy" }])).toMatchObject(waiting);
    expect(state([{ instanceId: "000000000001", state: "ready" }])).toMatchObject({ state: "ready" });
  });
});

describe("a service's state", () => {
  it.each<[string, Given, string, string]>([
    ["nothing is assigned", { reports: [] }, "progressing", "0/1 running, 1 to be started"],
    ["nothing is reported", { reports: ["none"] }, "progressing", "0/1 running, 1 pending"],
    ["its image is on the way", { reports: [{ state: "pulling" }] }, "progressing", "0/1 running, 1 pulling"],
    ["it runs", { reports: [{}] }, "ready", "1/1 running"],
    [
      "its check has yet to pass",
      { spec: { healthcheck: HEALTHCHECK }, reports: [{ health: "starting" }] },
      "progressing",
      "0/1 running, 1 waiting for its health check",
    ],
    ["it is unhealthy", { reports: [{ health: "unhealthy" }] }, "failed", "shop-web-1 is unhealthy"],
    ["it completed", { reports: [{ state: "exited", exitCode: 0 }] }, "ready", "completed"],
    [
      "it ended with an error",
      { reports: [{ state: "exited", exitCode: 137, oomKilled: true }] },
      "failed",
      "shop-web-1 ended with exit code 137 (out of memory)",
    ],
    [
      "it could not be started",
      { reports: [{ state: "failed", error: { code: "X", message: "no such image", remedy: "", exitCode: 125 } }] },
      "failed",
      "no such image",
    ],
    [
      "it is restarted the first time",
      { reports: [{ state: "restarting", restarts: 1 }] },
      "progressing",
      "0/1 running, 1 restarting",
    ],
    [
      "it ends again and again",
      { reports: [{ state: "restarting", restarts: 4, exitCode: 1 }] },
      "failed",
      "shop-web-1 ended with exit code 1, 4 times in a row",
    ],
    ["a restart was asked for", { reports: [{}], runSerial: 1 }, "progressing", "0/1 running, 1 restarting"],
    [
      "one of three runs",
      { spec: { replicas: 3 }, reports: [{}, "none"] },
      "progressing",
      "1/3 running, 1 pending, 1 to be started",
    ],
    [
      "another revision runs",
      { reports: [{}], outdated: true },
      "progressing",
      "0/1 running, 1 to be started, 1 to be replaced or removed",
    ],
    ["more run than wanted", { reports: [{}, {}] }, "progressing", "1/1 running, 1 to be replaced or removed"],
    ["none is wanted", { spec: { replicas: 0 }, reports: [] }, "ready", "no replicas wanted"],
    ["it is being stopped", { changes: { stopped: ["web"] }, reports: [{}] }, "progressing", "0/0 running, 1 stopping"],
    [
      "it is stopped",
      { changes: { stopped: ["web"] }, reports: [{ state: "exited", exitCode: 143 }] },
      "stopped",
      "stopped",
    ],
    [
      "one of two is stopped",
      { spec: { replicas: 2 }, changes: { stopped: ["web/2"] }, reports: [{}, { state: "exited", exitCode: 143 }] },
      "ready",
      "1/1 running, 1 stopped",
    ],
  ])("when %s", (_title, given, state, detail) => {
    const [web] = statusOf(given).services;
    expect([web?.state, web?.detail]).toEqual([state, detail]);
  });

  it("is waiting, or failed, with what it depends on", () => {
    const web = service("web", { dependsOn: dependsOn("service_healthy", "db") });
    const wanted = project("shop", [web, service("db")]);
    const status = projectStatus(desired(wanted), { desired: [], assignments: [], observed: [], routes: [] });
    expect(status.services[1]).toMatchObject({ service: "web", state: "waiting", detail: "waits for db to be healthy" });
  });
});

describe("a failure", () => {
  it("is passed on along depends_on, with its reason", () => {
    const wanted = project("shop", [
      service("a"),
      service("b", { dependsOn: dependsOn("service_started", "a") }),
      service("c", { dependsOn: dependsOn("service_healthy", "b") }),
    ]);
    const revision = serviceRevision(wanted, "a");
    const entry = {
      key: instanceKey("n1", "00000000000a"),
      value: assignment("00000000000a", { service: "a", revision, spec: wanted.services["a"]! }),
      revision: 1,
    };
    const error = { code: "X", message: "no such image", remedy: "", exitCode: 125 };
    const observed = { ...entry, value: observation(entry.value, { state: "failed", startedAt: null, error }) };
    const status = projectStatus(desired(wanted), { desired: [], assignments: [entry], observed: [observed], routes: [] });
    expect(status.services.map(({ state, detail }) => `${state}: ${detail}`)).toEqual([
      "failed: no such image",
      "failed: cannot start: no such image",
      "failed: cannot start: no such image",
    ]);
  });
});

describe("a project's state", () => {
  it.each<[string, Given, string]>([
    ["ready", { reports: [{}] }, "ready"],
    ["progressing while a service is", { reports: ["none"] }, "progressing"],
    ["failed when a service is", { reports: [{ state: "failed" }] }, "failed"],
    ["stopped when all services are", { changes: { stopped: ["web"] }, reports: [] }, "stopped"],
    ["removing, whatever its services are", { changes: { removal: { volumes: false } }, reports: [{}] }, "removing"],
  ])("is %s", (_title, given, state) => {
    expect(statusOf(given).state).toBe(state);
  });

  it("that is removed has only the services of which something is left", () => {
    const removal = { removal: { volumes: false } };
    expect(statusOf({ changes: removal, reports: [{}] }).services).toMatchObject([
      { service: "web", state: "progressing", detail: "is being removed" },
    ]);
    expect(statusOf({ changes: removal, reports: [] }).services).toEqual([]);
  });

  it("is progressing until the last instance of a removed service is gone", () => {
    const gone = observation(assignment("0123456789ab", { service: "old" }));
    const snapshot = { desired: [], assignments: [], observed: [{ key: "n1.x", value: gone, revision: 1 }], routes: [] };
    const status = projectStatus(desired(project("shop", [service("web", { replicas: 0 })])), snapshot);
    expect(status.state).toBe("progressing");
    expect(status.services.map(({ service: name, detail }) => [name, detail])).toContainEqual([
      "old",
      "is being removed, 1 stopping",
    ]);
  });
});
