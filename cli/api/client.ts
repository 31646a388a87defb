import type { Agent as HttpAgent, IncomingMessage, RequestOptions } from "node:http";
import type { Problem } from "#contracts/slipway-error.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { API_PREFIX, CALLER_HEADER } from "#contracts/wire-names.ts";
import { cliError } from "../errors.ts";
import { connectionError } from "./connection-error.ts";
import { readLines } from "./ndjson.ts";
import { type ApiTarget, describeTarget } from "./target.ts";
import { throughRestart } from "./through-restart.ts";

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
  /** Who runs the command, for events. */
  caller?: string;
}

/**
 * The HTTP API of `contracts/api.ts`. A server's problem comes back as the SlipwayError that it was. Answers are taken for what the
 * contract says: the server makes them by its schemas, and to compile these here again would take longer than most commands do.
 */
export class ApiClient implements Disposable {
  readonly options: ApiOptions;
  #agent: HttpAgent | undefined;

  constructor(options: ApiOptions) {
    this.options = options;
  }

  /** One JSON object. */
  async one<Answer extends object>(request: ApiRequest): Promise<Answer> {
    return this.#parseJson(await this.text(request), request) as Answer;
  }

  /** A JSON array. */
  async list<Item extends object>(request: ApiRequest): Promise<Item[]> {
    const answer = this.#parseJson(await this.text(request), request);
    if (Array.isArray(answer)) return answer as Item[];
    throw cliError("SLIPWAY_CLI_ANSWER_UNREADABLE", `the answer to ${this.#describe(request)} is no list`);
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
  async *lines<Item extends object>(request: ApiRequest): AsyncIterable<Item> {
    const response = await this.#open(request);
    try {
      for await (const line of readLines(response)) yield this.#parseJson(line, request) as Item;
    } catch (error) {
      if (request.signal.aborted) return;
      throw error instanceof SlipwayError ? error : this.#gone(request, error);
    } finally {
      response.destroy();
    }
  }

  headers(): Record<string, string> {
    const { token, traceparent, caller } = this.options;
    return {
      traceparent,
      ...(caller === undefined ? {} : { [CALLER_HEADER]: caller }),
      ...(token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  [Symbol.dispose](): void {
    this.#agent?.destroy();
  }

  async #open(request: ApiRequest): Promise<IncomingMessage> {
    const response = await this.#send(request);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await readAll(response).catch((error: unknown) => {
      throw this.#gone(request, error);
    });
    throw problemError(status, text, this.#describe(request));
  }

  #send(request: ApiRequest): Promise<IncomingMessage> {
    // A safe method may be repeated (RFC 9110, section 9.2.2).
    const how = { signal: request.signal, repeated: (request.method ?? "GET") === "GET" };
    return throughRestart(this.options.target, how, () => this.#sendOnce(request));
  }

  async #sendOnce(request: ApiRequest): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const { target } = this.options;
    const { Agent, request: start } = httpModule(target);
    this.#agent ??= new Agent({ keepAlive: true });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = start({ ...this.#requestOptions(request, body), agent: this.#agent }, resolve);
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
        ? // There is no TLS, so no server's name: Node would look for one in `host`, with a regular expression that takes 2 ms to compile.
          { socketPath: target.path, host: "localhost", servername: "" }
        : { hostname: target.url.hostname, port: target.url.port };
    return {
      ...where,
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

  #parseJson(text: string, request: ApiRequest): object {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) return value;
    } catch {
      // Said below, with what was asked.
    }
    throw cliError("SLIPWAY_CLI_ANSWER_UNREADABLE", `the answer to ${this.#describe(request)} is not JSON`);
  }

  #gone(request: ApiRequest, cause: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason;
    return cliError("SLIPWAY_CLI_SERVER_GONE", `the answer to ${this.#describe(request)} ended before it was whole`, {
      cause,
    });
  }

  #describe(request: ApiRequest): string {
    return `${request.method ?? "GET"} ${requestPath({ path: request.path })} at ${describeTarget(this.options.target)}`;
  }
}

/**
 * TLS takes a while to load: only where it is spoken. And not by `import`, which reads all exports of a module of Node's: `node:http` has one
 * that loads another HTTP client (undici), for longer than most commands take.
 */
function httpModule(target: ApiTarget): Pick<typeof import("node:http"), "Agent" | "request"> {
  const isTls = target.type === "url" && target.url.protocol === "https:";
  return process.getBuiltinModule(isTls ? "node:https" : "node:http");
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
