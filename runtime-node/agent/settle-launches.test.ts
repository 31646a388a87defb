import { describe, expect, it } from "vitest";
import type { InstanceRecord } from "../container/instance-record.ts";
import type { ChildState } from "../launch/protocol.ts";
import { settleLaunches } from "./settle-launches.ts";

const LAUNCHING = { type: "running", pid: 7, startTime: 1, startedAt: "", runSerial: 0, series: 0, restarts: 0 } as const;

function settled(state: ChildState | undefined): Pick<InstanceRecord, "lifecycle" | "launching"> {
  const record = {
    assignment: { instanceId: "one" },
    lifecycle: { type: "new" },
    launching: { ...LAUNCHING },
  } as InstanceRecord;
  settleLaunches([record], state === undefined ? [] : [{ child: "one", state }]);
  return { lifecycle: record.lifecycle, launching: record.launching };
}

describe("a process that was about to be let go when the agent died", () => {
  const status = { code: 3, signal: null };

  it.each([
    ["runs", { type: "running", pid: 7, startTime: 2 }],
    ["has run", { type: "exited", pid: 7, startTime: 2, status, exitedAt: "" }],
  ] satisfies [string, ChildState][])("is its instance's own when it %s", (_, state) => {
    expect(settled(state)).toEqual({ lifecycle: { ...LAUNCHING, startTime: 2 }, launching: LAUNCHING });
  });

  it.each([
    ["the supervisor does not know it", undefined],
    ["it still waits, and will be ended", { type: "parked", pid: 7, startTime: 2 }],
    ["its name belongs to another process", { type: "running", pid: 8, startTime: 2 }],
  ] satisfies [string, ChildState | undefined][])("was never its instance's when %s", (_, state) => {
    expect(settled(state)).toEqual({ lifecycle: { type: "new" }, launching: undefined });
  });
});
