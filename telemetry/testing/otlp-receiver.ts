import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";

/** A span as a receiver sees it (OTLP, opentelemetry/proto/trace/v1/trace.proto, in JSON). */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: Record<string, unknown>;
  /** 2 is an error. */
  status: { code: number; message?: string };
  events: string[];
  resource: Record<string, unknown>;
}

type Attributes = { key: string; value: Record<string, unknown> }[];
interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: (Omit<ReceivedSpan, "attributes" | "events" | "resource"> & {
        attributes: Attributes;
        events?: { name: string }[];
      })[];
    }[];
  }[];
}

/** For tests: an OTLP/HTTP receiver on loopback that keeps the spans it was sent. */
export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      void text(request).then((body) => {
        if (request.url === "/v1/traces") this.spans.push(...readSpans(JSON.parse(body) as ExportRequest));
        response.writeHead(request.url === "/v1/traces" ? 200 : 404, { "content-type": "application/json" }).end("{}");
      });
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new OtlpReceiver(server);
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get endpoint(): string {
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function readSpans(request: ExportRequest): ReceivedSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: readAttributes(span.attributes),
        events: (span.events ?? []).map(({ name }) => name),
        resource: readAttributes(resource.attributes),
      })),
    ),
  );
}

const readAttributes = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, "intValue" in value ? Number(value["intValue"]) : Object.values(value)[0]]),
  );
