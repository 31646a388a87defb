import { Type } from "typebox";
import { SpanBatch, Trace, TraceSummary } from "#contracts/trace.ts";
import type { TraceArchive } from "#services/state/trace-archive.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";

const listQuery = Type.Object({
  project: Type.Optional(Type.String()),
  service: Type.Optional(Type.String({ description: "A service of a project." })),
  since: Type.Optional(Type.String({ description: "RFC 3339: only traces that began from then on." })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
});
const params = Type.Object({ id: Type.String({ pattern: "^[0-9a-fA-F]{4,32}$" }) });
const DEFAULT_LIMIT = 20;

export function tracesResource(app: ApiApp, { traces }: ApiContext): void {
  app.get(
    "/traces",
    { schema: { summary: "Traces", querystring: listQuery, response: { 200: Type.Array(TraceSummary) } } },
    ({ query }) => {
      const { limit = DEFAULT_LIMIT, since, ...filter } = query;
      return traces.list({ ...filter, limit, ...(since === undefined ? {} : { since: timeOf(since) }) });
    },
  );
  app.get("/traces/:id", { schema: { summary: "A trace", params, response: { 200: Trace } } }, ({ params: { id } }) =>
    findTrace(traces, id.toLowerCase()),
  );
  app.post(
    "/traces",
    { schema: { summary: "Record spans (OTLP/HTTP, JSON)", body: SpanBatch, response: { 200: Type.Object({}) } } },
    async ({ body }) => {
      await traces.add(body);
      return {};
    },
  );
}

async function findTrace(traces: TraceArchive, prefix: string): Promise<Trace> {
  const { matches, trace } = await traces.find(prefix);
  if (trace !== undefined) return trace;
  if (matches.length === 0) throw apiError("SLIPWAY_API_TRACE_UNKNOWN", `there is no trace ${prefix}`);
  throw apiError("SLIPWAY_API_TRACE_AMBIGUOUS", `${prefix} may be any of ${matches.join(", ")}`);
}

function timeOf(text: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw apiError("SLIPWAY_API_REQUEST_INVALID", `since=${text} is no RFC 3339 time`);
}
