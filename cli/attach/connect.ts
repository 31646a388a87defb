import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { type ApiClient, problemError, requestPath } from "../api/client.ts";
import { connectionError } from "../api/connection-error.ts";
import { describeTarget } from "../api/target.ts";
import { throughRestart } from "../api/through-restart.ts";

/** Larger than any frame that the API sends, small enough that a false one costs nothing. */
const MAXIMUM_FRAME_BYTES = 4 * 1024 * 1024;

/** Opens a WebSocket of the API, paused. A refusal is thrown as the problem that the server answered. */
export function connectWebSocket(
  api: ApiClient,
  path: readonly string[],
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<WebSocket> {
  // What was begun may run already, whatever became of the answer.
  return throughRestart(api.options.target, { signal, repeated: false }, () => connectOnce(api, path, query, signal));
}

async function connectOnce(
  api: ApiClient,
  path: readonly string[],
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<WebSocket> {
  const socket = new WebSocket(webSocketUrl(api, requestPath({ path, query })), {
    headers: api.headers(),
    maxPayload: MAXIMUM_FRAME_BYTES,
    perMessageDeflate: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const abort = (): void => {
    socket.terminate();
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", abort, { once: true });
  socket.once("open", () => {
    // The first frames may be here before the caller listens: they wait in the connection until it resumes the socket.
    socket.pause();
    resolve(socket);
  });
  socket.on("error", (error) => reject(connectionError(error, api.options.target)));
  socket.once("unexpected-response", (_, response) => void refusal(api, path, response).then(reject));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function webSocketUrl(api: ApiClient, path: string): string {
  const { target } = api.options;
  if (target.type === "socket") return `ws+unix:${target.path}:${path}`;
  return `${target.url.protocol === "https:" ? "wss:" : "ws:"}//${target.url.host}${path}`;
}

async function refusal(api: ApiClient, path: readonly string[], response: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return problemError(response.statusCode ?? 0, text, `${path.join("/")} at ${describeTarget(api.options.target)}`);
}
