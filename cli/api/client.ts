import { Agent as HttpAgent, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Static, TSchema } from "typebox";
import { API_PREFIX } from "#contracts/api.ts";
import { parse } from "#contracts/parse.ts";
import type { Problem } from "#contracts/slipway-error.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";
import { connectionError } from "./connection-error.ts";
import { readLines } from "./ndjson.ts";
import { type ApiTarget, describeTarget } from "./target.ts";

export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface ApiRequest {
  method?: "GET" | "PUT" | "POST" | "DELETE";
  /** Segments after the prefix; each is encoded. */
  path: readonly string[];
  query?: Readonly<Record<string, QueryValue>>;
  body?: unknown;
  signal: AbortSignal;
}

export interface ApiOptions {
  target: ApiTarget;
  /** SLIPWAY_TOKEN, sent as a bearer token (RFC 6750). */
  token: string | undefined;
  traceparent: string;
}

/** The HTTP API of `contracts/api.ts`. A server's problem comes back as the SlipwayError that it was. */
export class ApiClient implements Disposable {
  readonly options: ApiOptions;
  readonly #agent: HttpAgent;

  constructor(options: ApiOptions) {
    this.options = options;
    const secure = options.target.type === "url" && options.target.url.protocol === "https:";
    this.#agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  /** One JSON answer, checked against its schema. */
  async json<Schema extends TSchema>(schema: Schema, request: ApiRequest): Promise<Static<Schema>> {
    const text = await this.text(request);
    return parse(schema, this.#parseJson(text, request), `the answer to ${describe(request)}`);
  }

  /** One answer as text; empty for 204. */
  async text(request: ApiRequest): Promise<string> {
    const response = await this.#open(request);
    try {
      return await readAll(response);
    } catch (error) {
      throw this.#gone(request, error);
    }
  }

  /** A long answer of newline-delimited JSON, value by value. Ends early, without an error, when the signal aborts. */
  async *lines<Schema extends TSchema>(schema: Schema, request: ApiRequest): AsyncIterable<Static<Schema>> {
    const response = await this.#open(request);
    try {
      for await (const line of readLines(response)) {
        yield parse(schema, this.#parseJson(line, request), `a line of the answer to ${describe(request)}`);
      }
    } catch (error) {
      if (request.signal.aborted) return;
      throw error instanceof SlipwayError ? error : this.#gone(request, error);
    } finally {
      response.destroy();
    }
  }

  headers(): Record<string, string> {
    const { token, traceparent } = this.options;
    return { traceparent, ...(token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` }) };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #open(request: ApiRequest): Promise<IncomingMessage> {
    const response = await this.#send(request);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await readAll(response).catch((error: unknown) => {
      throw this.#gone(request, error);
    });
    throw problemError(status, text, `${describe(request)} at ${describeTarget(this.options.target)}`);
  }

  async #send(request: ApiRequest): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { target } = this.options;
    const start = target.type === "url" && target.url.protocol === "https:" ? httpsRequest : httpRequest;
    const sent = start(this.#requestOptions(request, body), resolve);
    sent.on("error", reject);
    sent.end(body);
    try {
      return await promise;
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw connectionError(error, target);
    }
  }

  #requestOptions(request: ApiRequest, body: Buffer | undefined): RequestOptions {
    const { target } = this.options;
    const where =
      target.type === "socket"
        ? { socketPath: target.path, host: "localhost" }
        : { hostname: target.url.hostname, port: target.url.port };
    return {
      ...where,
      agent: this.#agent,
      method: request.method ?? "GET",
      path: requestPath(request),
      headers: {
        ...this.headers(),
        accept: "application/json, application/x-ndjson, application/problem+json",
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.byteLength }),
      },
      signal: request.signal,
    };
  }

  #parseJson(text: string, request: ApiRequest): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = `the answer to ${describe(request)} at ${describeTarget(this.options.target)} is not JSON`;
      throw cliError("SLIPWAY_CLI_ANSWER_UNREADABLE", message, { cause: error });
    }
  }

  #gone(request: ApiRequest, cause: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason;
    return cliError("SLIPWAY_CLI_SERVER_GONE", `the server ended the answer to ${describe(request)} before it was whole`, {
      cause,
    });
  }
}

export function requestPath({ path, query = {} }: Pick<ApiRequest, "path" | "query">): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : value === undefined ? [] : [String(value)];
    for (const each of values) parameters.append(name, each);
  }
  const search = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  return `${API_PREFIX}/${path.map(encodeURIComponent).join("/")}${search}`;
}

/** A refused request as the error that the server meant. */
export function problemError(status: number, text: string, what: string): SlipwayError {
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.code === "string" && typeof problem.detail === "string") return SlipwayError.fromProblem(problem);
  } catch {
    // Not ours: said below, with the status.
  }
  return cliError("SLIPWAY_CLI_ANSWER_UNREADABLE", `${what} answered ${status} and no problem details`);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function describe(request: ApiRequest): string {
  return `${request.method ?? "GET"} ${requestPath({ path: request.path })}`;
}
