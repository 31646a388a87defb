import { Type } from "typebox";
import { type LogQuery, LogRecord } from "#contracts/api.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { clientSignal } from "../client-signal.ts";
import { resolveInstance } from "../instance-reference.ts";
import { sendLines } from "../line-stream.ts";
import { followLogs } from "../follow-logs.ts";
import { openNodeStream } from "../node-client.ts";
import { linesOf } from "./answers.ts";

const querystring = Type.Object({
  project: Type.Optional(Type.String()),
  service: Type.Optional(Type.Array(Type.String(), { description: "May be given several times." })),
  instance: Type.Optional(Type.String({ description: "One instance, as in /instances/:ref." })),
  follow: Type.Optional(Type.Boolean()),
  tail: Type.Optional(Type.Integer({ minimum: 0 })),
  since: Type.Optional(Type.String({ description: "RFC 3339." })),
});

export function logsResource(app: ApiApp, context: ApiContext): void {
  app.get(
    "/logs",
    { schema: { summary: "Output of containers", querystring, response: linesOf(LogRecord) } },
    async ({ query }, reply) => {
      const { project, service = [], instance, follow = false, tail, since } = query;
      const found = instance === undefined ? undefined : resolveInstance(context.state.snapshot(), instance).observed;
      const opening: LogQuery = {
        services: service,
        follow,
        ...(project === undefined ? {} : { project }),
        ...(found === undefined ? {} : { instanceId: found.instanceId }),
        ...(tail === undefined ? {} : { tail }),
        ...(since === undefined ? {} : { since }),
      };
      const signal = clientSignal(reply, context.closing);
      const node = found?.node ?? context.node;
      await using stream = await openNodeStream(context, node, "logs", opening, { signal });
      const source = follow ? followLogs(context, node, { stream, opening }, signal) : stream.incoming;
      await sendLines(reply, source, signal, context.log);
    },
  );
}
