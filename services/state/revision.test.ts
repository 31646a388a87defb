import { describe, expect, it } from "vitest";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { canonicalJson, serviceRevision } from "./revision.ts";
import { HEALTHCHECK, dependsOn, project, service } from "./testing/specs.ts";

const revisionOf = (changes: Partial<ServiceSpec>, ofProject: Partial<ProjectSpec> = {}): string =>
  serviceRevision(project("shop", [service("web", changes), service("db")], ofProject), "web");
const BASE = revisionOf({});
const NO_SUBJECTS = { publishes: [], subscribes: [], requests: [], serves: [] };

describe("a service's revision", () => {
  it("is 16 hex digits, the same for equal specs whatever the order of their keys", () => {
    expect(BASE).toMatch(/^[0-9a-f]{16}$/);
    const one = revisionOf({ environment: { A: "1", B: "2" } });
    expect(revisionOf({ environment: { B: "2", A: "1" } })).toBe(one);
  });

  it.each<[string, Partial<ServiceSpec>]>([
    ["replicas", { replicas: 5 }],
    ["dependencies", { dependsOn: dependsOn("service_healthy", "db") }],
    ["routes", { slipway: { ...NO_SUBJECTS, routes: [{ host: "shop.test", path: "/", port: 80 }] } }],
  ])("stays with other %s: they need no new container", (_what, changes) => {
    expect(revisionOf(changes)).toBe(BASE);
  });

  it.each<[string, Partial<ServiceSpec>, Partial<ProjectSpec>?]>([
    ["image", { image: "other" }],
    ["environment", { environment: { A: "1" } }],
    ["health check", { healthcheck: HEALTHCHECK }],
    ["limits", { limits: { memoryBytes: 1 } }],
    ["subjects", { slipway: { ...NO_SUBJECTS, routes: [], publishes: ["orders"] } }],
    ["network", {}, { networks: { default: { name: "default", internal: true, labels: {} } } }],
  ])("changes with another %s", (_what, changes, ofProject) => {
    expect(revisionOf(changes, ofProject)).not.toBe(BASE);
  });

  it("changes with its own volumes and not with others", () => {
    const mounts = [{ type: "volume", volume: "data", target: "/data", readOnly: false } as const];
    const volumes = (driver: string) => ({ data: { name: "data", driver, driverOptions: {}, labels: {} } });
    expect(revisionOf({ mounts }, { volumes: volumes("local") })).not.toBe(
      revisionOf({ mounts }, { volumes: volumes("tmpfs") }),
    );
    expect(revisionOf({}, { volumes: volumes("tmpfs") })).toBe(BASE);
  });
});

describe("canonical JSON", () => {
  it("sorts keys at every depth, keeps the order of lists and drops what is undefined", () => {
    expect(canonicalJson({ b: [{ z: 1, a: 2 }, 1], a: undefined, c: null })).toBe('{"b":[{"a":2,"z":1},1],"c":null}');
  });
});
