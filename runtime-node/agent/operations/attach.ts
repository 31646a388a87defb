import { ATTACH_ASSIGNMENT_WAIT_MS } from "#contracts/node-operations.ts";
import type { NodeAgent } from "../node-agent.ts";
import { findInstance } from "./find-instance.ts";
import type { NodeStreamHandlers } from "./serve-operations.ts";

/** A caller's streams on an instance's own; it may come before the assignment does. */
export function attachOperation(agent: NodeAgent): NodeStreamHandlers["attach"] {
  return async ({ instanceId }, stream) => {
    const instance = (await agent.await(instanceId, ATTACH_ASSIGNMENT_WAIT_MS)) ?? findInstance(agent, instanceId);
    await instance.attach(stream);
  };
}
