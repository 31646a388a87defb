import type { ApiContext } from "../api-context.ts";
import type { Caller } from "../caller.ts";
import { resolveInstance } from "../instance-reference.ts";

export interface InstanceRequest extends Caller {
  operation: string;
}

/** Puts on record that somebody asked something of an instance, before it is done: what follows is otherwise nobody's doing. */
export async function tellRequest(context: ApiContext, ref: string, request: InstanceRequest): Promise<void> {
  const { state, platform, log } = context;
  const { project, service, name, instanceId } = resolveInstance(state.snapshot(), ref).observed;
  const event = {
    type: "instance.requested",
    source: "/control/api",
    subject: `${project}/${service}/${name}`,
    project,
    data: { instanceId, ...request },
  } as const;
  // A log that is full must not keep an instance from being stopped.
  await platform.events
    .append(event)
    .catch((error: unknown) => log(`that ${name} is to ${request.operation} could not be told`, error));
}
