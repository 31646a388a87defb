import type { HealthState, InstanceState, ObservedInstance } from "#contracts/instance.ts";
import type { InstanceRecord } from "./instance-record.ts";
import { restartsOf } from "./lifecycle.ts";

/** What the loop is doing, beside what the record says. */
export interface Activity {
  /** Set while it pulls, creates or stops. */
  doing: "pulling" | "creating" | "stopping" | null;
  health: HealthState;
  /** Its processes are frozen. */
  paused: boolean;
}

/** What a node reports of an instance. */
export function observe(record: InstanceRecord, { doing, health, paused }: Activity): ObservedInstance {
  const { assignment, lifecycle } = record;
  const runs = lifecycle.type === "running";
  const ended = lifecycle.type === "ended" || lifecycle.type === "backoff";
  return {
    instanceId: assignment.instanceId,
    name: assignment.name,
    project: assignment.project,
    service: assignment.service,
    index: assignment.index,
    revision: assignment.revision,
    node: assignment.node,
    state: doing ?? (runs && paused ? "paused" : stateOf(record)),
    health: runs ? health : "none",
    exitCode: ended ? lifecycle.exitCode : lifecycle.type === "failed" ? lifecycle.failure.exitCode : null,
    oomKilled: ended && lifecycle.oomKilled,
    ...(lifecycle.type === "failed" ? { error: lifecycle.failure } : {}),
    pid: runs ? lifecycle.pid : null,
    ip: runs ? (Object.values(record.addresses)[0] ?? null) : null,
    addresses: runs ? record.addresses : {},
    ports: runs ? record.ports : [],
    image: assignment.spec.image,
    imageDigest: record.imageDigest,
    createdAt: assignment.createdAt,
    startedAt: runs || ended ? lifecycle.startedAt : null,
    finishedAt: ended || lifecycle.type === "failed" ? lifecycle.finishedAt : null,
    restarts: restartsOf(lifecycle),
    runSerial: lifecycle.type === "new" ? 0 : lifecycle.runSerial,
  };
}

function stateOf({ lifecycle }: InstanceRecord): InstanceState {
  switch (lifecycle.type) {
    case "new":
      return "pending";
    case "running":
      return "running";
    case "backoff":
      return "restarting";
    case "ended":
      return "exited";
    case "failed":
      return "failed";
  }
}
