import { once } from "node:events";
import { type IncomingMessage, type RequestOptions, request } from "node:http";

export interface Answer {
  status: number;
  contentType: string | undefined;
  body: unknown;
}

/** For tests: speaks to the API over its unix socket, or over TCP with `port`. */
export class ApiClient {
  readonly #options: RequestOptions;

  constructor(options: { socketPath: string } | { port: number; token?: string }) {
    if ("socketPath" in options) this.#options = { socketPath: options.socketPath };
    else {
      const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
      this.#options = { host: "127.0.0.1", port: options.port, headers };
    }
  }

  /** Sends a request and reads the whole answer. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.open(method, path, body, headers);
    const chunks: Buffer[] = await response.toArray();
    const text = Buffer.concat(chunks).toString("utf8");
    const contentType = response.headers["content-type"];
    const isJson = contentType?.includes("json") === true && !contentType.includes("ndjson");
    return { status: response.statusCode ?? 0, contentType, body: isJson ? (JSON.parse(text) as unknown) : text };
  }

  async get<Body>(path: string): Promise<Body> {
    return this.#succeed<Body>("GET", path);
  }

  async put<Body>(path: string, body: unknown): Promise<Body> {
    return this.#succeed<Body>("PUT", path, body);
  }

  async post<Body>(path: string, body?: unknown): Promise<Body> {
    return this.#succeed<Body>("POST", path, body);
  }

  async delete<Body>(path: string): Promise<Body> {
    return this.#succeed<Body>("DELETE", path);
  }

  /** Sends a request and hands the answer out as it comes. */
  async open(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const content = body === undefined ? {} : { "content-type": "application/json" };
    const outgoing = request({
      ...this.#options,
      method,
      path: `/v1${path}`,
      headers: { ...(this.#options.headers as Record<string, string>), ...content, ...headers },
      agent: false,
    });
    outgoing.end(typeof body === "string" ? body : body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return response;
  }

  async #succeed<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.send(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Body;
  }
}
