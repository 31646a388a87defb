import type { InstanceRecord } from "../container/instance-record.ts";
import type { ChildReport } from "../launch/protocol.ts";

/**
 * Finds out what became of the processes that a former agent was about to let go when it died: one that the supervisor knows was let
 * go, and its instance runs or has run; any other was ended while it waited, and never executed its command.
 */
export function settleLaunches(records: readonly InstanceRecord[], children: readonly ChildReport[]): void {
  for (const record of records) {
    const { launching, assignment } = record;
    if (launching === undefined) continue;
    const state = children.find(({ child }) => child === assignment.instanceId)?.state;
    const ran = state !== undefined && state.type !== "parked" && state.pid === launching.pid;
    if (ran) record.lifecycle = { ...launching, startTime: state.startTime };
    else record.launching = undefined;
  }
}
