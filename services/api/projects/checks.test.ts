import { describe, expect, it } from "vitest";
import type { Assignment } from "#contracts/instance.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { PublishedPort, ServiceSpec } from "#contracts/service-spec.ts";
import type { Snapshot } from "#services/state/snapshot.ts";
import { assignment } from "#services/state/testing/assignment.ts";
import { dependsOn, desired, project, service } from "#services/state/testing/specs.ts";
import { checkNeighbours, checkOneOffNeighbours } from "./neighbour-checks.ts";
import { serviceChanges } from "./service-changes.ts";
import { checkSpec } from "./spec-checks.ts";

const port = (hostPort: number, hostIp = "0.0.0.0", protocol: "tcp" | "udp" = "tcp"): PublishedPort => ({
  hostIp,
  hostPort,
  containerPort: 80,
  protocol,
});
const route = (host: string, path = "/"): Pick<ServiceSpec, "slipway"> => ({
  slipway: { routes: [{ host, path, port: 80 }], publishes: [], subscribes: [], requests: [], serves: [] },
});
const named = (spec: ProjectSpec): [ProjectSpec, string] => [spec, spec.name];

describe("a spec is refused when", () => {
  it.each<[string, [ProjectSpec, string], string]>([
    ["the path names another project", [project("shop", []), "store"], "the body shop"],
    ["it takes the name of `slipway run`", named(project("run", [])), "cannot be applied"],
    [
      "a key is not its value's name",
      named({ ...project("shop", []), services: { a: service("b") } }),
      "services.a is named b",
    ],
    [
      "a name is a path",
      named({ ...project("shop", []), services: { "../x": service("../x") } }),
      "services.../x is not a name",
    ],
    [
      "a service joins a network that is not there",
      named(project("shop", [service("web", { networks: [{ name: "back", aliases: [] }] })])),
      "services.web joins network back, which the project does not have; it has default",
    ],
    [
      "a service mounts a volume that is not there",
      named(
        project("shop", [service("web", { mounts: [{ type: "volume", volume: "data", target: "/d", readOnly: true }] })]),
      ),
      "mounts volume data, which the project does not have; it has none",
    ],
    [
      "a service depends on one that is not there",
      named(project("shop", [service("web", { dependsOn: dependsOn("service_started", "db") })])),
      "services.web depends on db",
    ],
    [
      "dependencies go round",
      named(
        project("shop", [
          service("a", { dependsOn: dependsOn("service_started", "b") }),
          service("b", { dependsOn: dependsOn("service_started", "c") }),
          service("c", { dependsOn: dependsOn("service_started", "b") }),
        ]),
      ),
      "b → c → b",
    ],
    [
      "several replicas want one name",
      named(project("shop", [service("web", { replicas: 2, containerName: "web" })])),
      "container_name and 2 replicas",
    ],
    [
      "several replicas want one port of the host",
      named(project("shop", [service("web", { replicas: 2, ports: [port(80)] })])),
      "2 replicas, which cannot all have port 80",
    ],
    [
      "two services want one name",
      named(project("shop", [service("a", { containerName: "x" }), service("b", { containerName: "x" })])),
      "services a and b",
    ],
  ])("%s", (_title, [spec, name], message) => {
    expect(() => checkSpec(spec, name)).toThrow(message);
  });

  it("and taken when all fits together", () => {
    const spec = project("shop", [
      service("web", { dependsOn: dependsOn("service_healthy", "db"), ports: [port(80)] }),
      service("db", { replicas: 3, ports: [port(0)] }),
    ]);
    expect(() => checkSpec(spec, "shop")).not.toThrow();
  });
});

describe("a project is refused what another has:", () => {
  const other = (spec: Partial<ServiceSpec>): Snapshot => {
    const value = desired(project("other", [service("web", spec)]));
    return { desired: [{ key: "other", value, revision: 1 }], assignments: [], observed: [], routes: [] };
  };
  const apply = (spec: Partial<ServiceSpec>, snapshot: Snapshot) => () =>
    checkNeighbours(project("shop", [service("api", spec)]), snapshot);

  it.each<[string, Partial<ServiceSpec>, Partial<ServiceSpec>, string]>([
    ["a route", route("shop.test"), route("shop.test"), "shop/api wants the route shop.test/, which other/web has"],
    ["a port", { ports: [port(80)] }, { ports: [port(80)] }, "shop/api wants the host's port 80/tcp, which other/web has"],
    ["a port on all addresses", { ports: [port(80)] }, { ports: [port(80, "127.0.0.1")] }, "port 80/tcp"],
    ["a port on all IPv6 addresses", { ports: [port(80, "127.0.0.1")] }, { ports: [port(80, "::")] }, "port 80/tcp"],
    ["a name", { containerName: "x" }, { containerName: "x" }, "shop/api wants the name x, which other/web has"],
  ])("%s", (_what, theirs, ours, message) => {
    expect(apply(ours, other(theirs))).toThrow(message);
  });

  it.each<[string, Partial<ServiceSpec>, Partial<ServiceSpec>]>([
    ["another path of a host", route("shop.test"), route("shop.test", "/api")],
    ["a port on another address", { ports: [port(80, "127.0.0.2")] }, { ports: [port(80, "127.0.0.1")] }],
    ["a port of the other protocol", { ports: [port(53)] }, { ports: [port(53, "0.0.0.0", "udp")] }],
    ["a port that the node chooses", { ports: [port(0)] }, { ports: [port(0)] }],
    ["the port of a service without replicas", { ports: [port(80)], replicas: 0 }, { ports: [port(80)] }],
  ])("but not %s", (_what, theirs, ours) => {
    expect(apply(ours, other(theirs))).not.toThrow();
  });

  it("nor what it has itself", () => {
    const spec = project("other", [service("web", { ports: [port(80)], ...route("shop.test") })]);
    expect(() => checkNeighbours(spec, other({ ports: [port(80)], ...route("shop.test") }))).not.toThrow();
  });

  it("and two of its services the same", () => {
    const spec = project("shop", [service("a", { ports: [port(80)] }), service("b", { ports: [port(80)] })]);
    const nobody = { desired: [], assignments: [], observed: [], routes: [] };
    expect(() => checkNeighbours(spec, nobody)).toThrow("shop/b wants the host's port 80/tcp, which shop/a has");
  });

  it("also when an instance of `slipway run` has it, while it is to run", () => {
    const job = (wanted: Assignment["desired"]): Snapshot => {
      const value = assignment("0123456789ab", {
        name: "run-job-0123",
        project: "run",
        desired: wanted,
        spec: service("job", { ports: [port(80)] }),
        attached: { interactive: false, waitForAttach: false, removeOnExit: false },
      });
      return { desired: [], assignments: [{ key: "n1.0123456789ab", revision: 1, value }], observed: [], routes: [] };
    };
    const message = "wants the host's port 80/tcp, which run-job-0123 has";
    expect(apply({ ports: [port(80)] }, job("running"))).toThrow(message);
    expect(apply({ ports: [port(80)] }, job("stopped"))).not.toThrow();
    expect(() => checkOneOffNeighbours(service("b", { ports: [port(80)] }), "run", job("running"))).toThrow(message);
  });
});

describe("what an apply changes", () => {
  it("is told for every service there was or will be", () => {
    const before = project("shop", [
      service("a"),
      service("b"),
      service("c", { replicas: 2 }),
      service("d"),
      service("e", { dependsOn: { b: { condition: "service_started", required: true, restart: true } } }),
    ]);
    const after = project("shop", [
      service("a"),
      service("b", { image: "v2" }),
      service("c", { replicas: 3 }),
      service("e", { dependsOn: { b: { condition: "service_started", required: true, restart: true } } }),
      service("f"),
    ]);
    expect(serviceChanges(before, after)).toEqual([
      { service: "a", action: "keep" },
      { service: "b", action: "replace" },
      { service: "c", action: "scale" },
      { service: "d", action: "remove" },
      { service: "e", action: "replace" },
      { service: "f", action: "create" },
    ]);
    expect(serviceChanges(undefined, project("shop", [service("a")]))).toEqual([{ service: "a", action: "create" }]);
  });
});
