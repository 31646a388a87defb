import type { Static, TSchema } from "typebox";
import {
  NODE_OPERATIONS,
  type NodeAnswer,
  type NodeOpening,
  type NodeRequest,
  type NodeRequestOperation,
  type NodeStreamOperation,
} from "#contracts/node-operations.ts";
import { parse } from "#contracts/parse.ts";
import { nodeSubject } from "#contracts/subjects.ts";
import type { CallContext, MessageStream, Platform } from "#messaging/platform.ts";

export type NodeRequestHandlers = {
  [Name in NodeRequestOperation]: (request: NodeRequest<Name>, call: CallContext) => Promise<NodeAnswer<Name>>;
};
export type NodeStreamHandlers = {
  [Name in NodeStreamOperation]: (opening: NodeOpening<Name>, stream: MessageStream, call: CallContext) => Promise<void>;
};
export type NodeHandlers = NodeRequestHandlers & NodeStreamHandlers;

/** Answers every operation of this node until disposed. */
export function serveOperations(platform: Platform, node: string, handlers: NodeHandlers): AsyncDisposable {
  const serving = new AsyncDisposableStack();
  for (const [name, operation] of Object.entries(NODE_OPERATIONS)) {
    const subject = nodeSubject(node, name as keyof NodeHandlers);
    if (operation.kind === "stream") {
      const handle = handlers[name as NodeStreamOperation] as NodeStreamHandlers["attach"];
      serving.use(
        platform.serveStreams(subject, (opening, stream, call) =>
          handle(checked(operation.opening, opening, name) as NodeOpening<"attach">, stream, call),
        ),
      );
    } else {
      const handle = handlers[name as NodeRequestOperation] as NodeRequestHandlers["plan"];
      serving.use(
        platform.serve(subject, (request, call) =>
          handle(checked(operation.request, request, name) as NodeRequest<"plan">, call),
        ),
      );
    }
  }
  return serving;
}

function checked<Schema extends TSchema>(schema: Schema, value: unknown, name: string): Static<Schema> {
  return parse(schema, value, name);
}
