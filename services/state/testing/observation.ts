import type { Assignment, ObservedInstance } from "#contracts/instance.ts";

/** What a node reports of an assignment that runs, but for `changes`. */
export function observation(assignment: Assignment, changes: Partial<ObservedInstance> = {}): ObservedInstance {
  const { instanceId, name, project, service, index, revision, node, runSerial, createdAt } = assignment;
  return {
    instanceId,
    name,
    project,
    service,
    index,
    revision,
    node,
    runSerial,
    createdAt,
    state: "running",
    health: assignment.spec.healthcheck === undefined ? "none" : "healthy",
    exitCode: null,
    oomKilled: false,
    pid: 4242,
    ip: `10.89.0.${2 + (Number.parseInt(instanceId.slice(0, 4), 16) % 250)}`,
    addresses: {},
    ports: [],
    image: assignment.spec.image,
    imageDigest: null,
    startedAt: createdAt,
    finishedAt: null,
    restarts: 0,
    ...changes,
  };
}
