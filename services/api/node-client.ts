import type {
  NodeAnswer,
  NodeOpening,
  NodeRequest,
  NodeRequestOperation,
  NodeStreamOperation,
} from "#contracts/node-operations.ts";
import { nodeSubject } from "#contracts/subjects.ts";
import type { CallOptions, MessageStream } from "#messaging/platform.ts";
import type { ApiContext } from "./api-context.ts";

/** One request to a node's agent. */
export function askNode<Name extends NodeRequestOperation>(
  context: ApiContext,
  operation: Name,
  request: NodeRequest<Name>,
  options?: CallOptions,
): Promise<NodeAnswer<Name>> {
  return context.platform.request<NodeRequest<Name>, NodeAnswer<Name>>(
    nodeSubject(context.node, operation),
    request,
    options,
  );
}

/** Opens a stream to a node's agent. */
export function openNodeStream<Name extends NodeStreamOperation>(
  context: ApiContext,
  node: string,
  operation: Name,
  opening: NodeOpening<Name>,
  options?: CallOptions,
): Promise<MessageStream> {
  return context.platform.openStream<NodeOpening<Name>>(nodeSubject(node, operation), opening, options);
}
