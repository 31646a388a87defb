import { containerError } from "../../container/errors.ts";
import type { Instance } from "../../container/instance.ts";
import type { NodeAgent } from "../node-agent.ts";

/** The instance of this node, or SLIPWAY_CONTAINER_NOT_HERE saying which there are. */
export function findInstance(agent: NodeAgent, instanceId: string): Instance {
  const instance = agent.find(instanceId);
  if (instance !== undefined) return instance;
  const known = agent.instances.map(({ assignment }) => assignment.name).join(", ") || "none";
  throw containerError("SLIPWAY_CONTAINER_NOT_HERE", `this node has no instance ${instanceId}; it has ${known}`);
}
