import type { Assignment } from "#contracts/instance.ts";
import { service } from "./specs.ts";

/** An assignment of shop's first web replica, but for `changes`. */
export function assignment(instanceId: string, changes: Partial<Assignment> = {}): Assignment {
  const { project = "shop", service: name = "web", index = 1 } = changes;
  return {
    instanceId,
    name: `${project}-${name}-${index}`,
    project,
    service: name,
    index,
    revision: "r",
    node: "n1",
    desired: "running",
    runSerial: 0,
    spec: service(name),
    networks: {},
    volumes: {},
    createdAt: "2026-01-01T00:00:00.000Z",
    ...changes,
  };
}
