import { describe, expect, it } from "vitest";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { Snapshot } from "#services/state/snapshot.ts";
import { assignment } from "#services/state/testing/assignment.ts";
import { observation } from "#services/state/testing/observation.ts";
import { resolveInstance } from "./instance-reference.ts";

interface Given {
  id: string;
  project?: string;
  name?: string;
  service?: string;
  index?: number;
  state?: ObservedInstance["state"];
  draining?: boolean;
  /** Only its node still knows it. */
  leaving?: boolean;
}

function world(...given: Given[]): Snapshot {
  const assignments = given.map(({ id, draining, state: _state, leaving: _leaving, ...changes }) => ({
    key: `n1.${id}`,
    revision: 1,
    value: assignment(id, { ...changes, ...(draining === true ? { drainingSince: "2026-01-01T00:00:01Z" } : {}) }),
  }));
  const observed = assignments.map((entry, at) => ({
    ...entry,
    value: observation(entry.value, given[at]?.state === undefined ? {} : { state: given[at].state }),
  }));
  return { desired: [], assignments: assignments.filter((_, at) => given[at]?.leaving !== true), observed, routes: [] };
}

const idOf = (snapshot: Snapshot, reference: string): string => resolveInstance(snapshot, reference).observed.instanceId;

describe("an instance is found", () => {
  const two = world({ id: "aaaa00000001" }, { id: "aaaa00000002", index: 2 });

  it.each([
    ["its id", "aaaa00000002", "aaaa00000002"],
    ["its name", "shop-web-2", "aaaa00000002"],
    ["project and service, the first replica", "shop/web", "aaaa00000001"],
    ["its service's name, where one project has it", "web", "aaaa00000001"],
  ])("by %s", (_title, reference, id) => {
    expect(idOf(two, reference)).toBe(id);
  });

  it("by a beginning of its id, when that is unique", () => {
    expect(idOf(world({ id: "ab1000000000" }, { id: "ab2000000000" }), "ab2")).toBe("ab2000000000");
    expect(() => idOf(two, "aaaa")).toThrow("aaaa may be any of shop-web-1 (aaaa00000001), shop-web-2 (aaaa00000002)");
  });

  it("by its whole id although that begins another's name", () => {
    const snapshot = world({ id: "aaaa00000001", name: "aaaa00000002" }, { id: "aaaa00000002" });
    expect(idOf(snapshot, "aaaa00000002")).toBe("aaaa00000002");
  });

  it("in a rollout as the one that runs and stays", () => {
    const replacement = { id: "bbbb00000002" };
    expect(idOf(world({ id: "bbbb00000001", draining: true }, replacement), "shop-web-1")).toBe("bbbb00000002");
    expect(idOf(world({ id: "bbbb00000001" }, { ...replacement, state: "creating" }), "shop-web-1")).toBe("bbbb00000001");
    expect(idOf(world({ id: "bbbb00000001", leaving: true }, replacement), "shop/web")).toBe("bbbb00000002");
  });

  it("not by a service's name that two projects have", () => {
    expect(() => idOf(world({ id: "a00000000001" }, { id: "a00000000002", project: "blog" }), "web")).toThrow(
      "may be any of",
    );
  });
});

describe("an unknown instance", () => {
  it("is told with what there is", () => {
    expect(() => idOf(world(), "web")).toThrow("there is no instance web; there are none");
    expect(() => idOf(world({ id: "a00000000001" }), "db")).toThrow(
      "there is no instance db; there are shop-web-1 (a00000000001)",
    );
  });
});
