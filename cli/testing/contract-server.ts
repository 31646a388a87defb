import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";

export interface ContractRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: unknown;
}

/** What a route answers: JSON; with `lines`, newline-delimited JSON that stays open when it says so; with `status`, that. */
export interface ContractAnswer {
  status?: number;
  type?: string;
  json?: unknown;
  text?: string;
  lines?: readonly unknown[];
  keepOpen?: boolean;
}

export type ContractRoute = (request: ContractRequest) => ContractAnswer | Promise<ContractAnswer>;

/**
 * An HTTP server that answers as the API's contract says, on a unix socket and on a TCP port, for what a real platform cannot
 * be made to answer on demand.
 */
export class ContractServer implements AsyncDisposable {
  readonly requests: readonly ContractRequest[];
  readonly socketPath: string;
  readonly url: string;
  readonly #servers: Server[];
  readonly #folder: string;

  private constructor(folder: string, socketPath: string, servers: Server[], requests: readonly ContractRequest[]) {
    this.requests = requests;
    this.#folder = folder;
    this.socketPath = socketPath;
    this.#servers = servers;
    this.url = `http://127.0.0.1:${(servers[1]!.address() as AddressInfo).port}`;
  }

  /** Routes by `GET /v1/version`; a WebSocket's by `WS /v1/instances/…/attach`. */
  static async start(
    routes: Readonly<Record<string, ContractRoute>>,
    sockets: Readonly<Record<string, (socket: WebSocket) => void>> = {},
  ): Promise<ContractServer> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-cli-"));
    const requests: ContractRequest[] = [];
    const servers = [makeServer(routes, sockets, requests), makeServer(routes, sockets, requests)];
    const socketPath = join(folder, "api.sock");
    await new Promise<void>((resolve) => servers[0]!.listen(socketPath, resolve));
    await new Promise<void>((resolve) => servers[1]!.listen(0, "127.0.0.1", resolve));
    return new ContractServer(folder, socketPath, servers, requests);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.emit("terminate");
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function makeServer(
  routes: Readonly<Record<string, ContractRoute>>,
  sockets: Readonly<Record<string, (socket: WebSocket) => void>>,
  requests: ContractRequest[],
): Server {
  const upgrades = new WebSocketServer({ noServer: true });
  const server = createServer((message, response) => {
    void (async () => {
      const request = await readRequest(message);
      // A command's own span comes when it is over, and is no part of what it asks for.
      if (request.path !== "/v1/traces" || request.method !== "POST") requests.push(request);
      const route = routes[`${request.method} ${request.path}`];
      const answer = (await route?.(request)) ?? { status: 404, json: problem("SLIPWAY_API_PATH_UNKNOWN", 404) };
      const status = answer.status ?? 200;
      const type =
        answer.type ??
        (status >= 400 ? "application/problem+json" : answer.lines ? "application/x-ndjson" : "application/json");
      response.writeHead(status, { "content-type": type });
      if (answer.lines === undefined)
        response.end(answer.text ?? (answer.json === undefined ? "" : JSON.stringify(answer.json)));
      else response.write(answer.lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      if (answer.lines !== undefined && answer.keepOpen !== true) response.end();
    })();
  });
  // closeAllConnections leaves out those that were upgraded.
  server.on("terminate", () => {
    for (const socket of upgrades.clients) socket.terminate();
  });
  server.on("upgrade", (message, socket, head) => {
    const { pathname, searchParams } = new URL(message.url ?? "/", "http://contract");
    requests.push({ method: "WS", path: pathname, query: searchParams, headers: message.headers, body: undefined });
    const handler = sockets[pathname];
    if (handler === undefined) socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
    else upgrades.handleUpgrade(message, socket, head, handler);
  });
  return server;
}

async function readRequest(message: IncomingMessage): Promise<ContractRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const { pathname, searchParams } = new URL(message.url ?? "/", "http://contract");
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return { method: message.method ?? "GET", path: pathname, query: searchParams, headers: message.headers, body };
}

/** A problem as the API answers it. */
export function problem(code: string, status: number, detail = `what ${code} says`): object {
  return { type: `urn:slipway:error:${code}`, title: code, status, code, detail, remedy: "Do this.", exitCode: 125 };
}
