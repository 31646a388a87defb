import { setTimeout as delay } from "node:timers/promises";
import type {
  NodeAnswer,
  NodeOpening,
  NodeRequest,
  NodeRequestOperation,
  NodeStreamOperation,
} from "#contracts/node-operations.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import { nodeSubject } from "#contracts/subjects.ts";
import type { CallOptions, MessageStream } from "#messaging/platform.ts";
import type { ApiContext } from "./api-context.ts";

/** How long a node that nobody answers for is asked again: an agent that was ended is back within seconds. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 100;

/** One request to a node's agent. */
export function askNode<Name extends NodeRequestOperation>(
  context: ApiContext,
  operation: Name,
  request: NodeRequest<Name>,
  options?: CallOptions,
): Promise<NodeAnswer<Name>> {
  const subject = nodeSubject(context.node, operation);
  return untilTaken(context, options, () =>
    context.platform.request<NodeRequest<Name>, NodeAnswer<Name>>(subject, request, options),
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
  const subject = nodeSubject(node, operation);
  return untilTaken(context, options, () => context.platform.openStream<NodeOpening<Name>>(subject, opening, options));
}

/** What nobody has taken was not begun either, so that it may be asked again. */
async function untilTaken<Result>(
  { nodePatienceMs = PATIENCE_MS, closing }: ApiContext,
  { signal }: CallOptions = {},
  ask: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + nodePatienceMs;
  const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error, "SLIPWAY_MESSAGING_NO_RESPONDER") || performance.now() > deadline) throw error;
    }
    await delay(RETRY_MS, undefined, { signal: ended });
  }
}
