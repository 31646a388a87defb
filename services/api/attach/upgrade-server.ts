import { type IncomingMessage, STATUS_CODES, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { context as traceContext, propagation } from "@opentelemetry/api";
import { type WebSocket, WebSocketServer } from "ws";
import type { Problem } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import { inSpan } from "#services/state/trace-context.ts";
import type { ApiContext } from "../api-context.ts";
import type { Authentication } from "../listeners/authentication.ts";
import { apiError } from "../errors.ts";
import { openNodeStream } from "../node-client.ts";
import { PROBLEM_TYPE, pathNotFound, toProblem } from "../problem-reply.ts";
import { waitForState } from "../state-wait.ts";
import { bridge, closeWithProblem } from "./attach-bridge.ts";
import { type AttachTarget, isAttachPath, parseAttachTarget } from "./attach-target.ts";

/** A frame is a chunk of a stream: far smaller. */
const MAX_FRAME_BYTES = 1024 ** 2;
/** A node that is slow to clean up does not keep an exit from its caller. */
const REMOVAL_PATIENCE_MS = 5_000;
/** For a client to take its last frame. */
const CLOSE_PATIENCE_MS = 1_000;
/** Longer than an agent waits for the assignment. */
const OPEN_TIMEOUT_MS = 10_000;

/**
 * Takes WebSockets for attach and exec. A wrong token or path is answered over HTTP; everything else after the upgrade, as an `error`
 * frame, because a WebSocket client rarely shows an answer's body.
 */
export class UpgradeServer implements AsyncDisposable {
  readonly #context: ApiContext;
  readonly #authentication: Authentication;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  readonly #open = new Set<Promise<void>>();

  constructor(context: ApiContext, authentication: Authentication) {
    this.#context = context;
    this.#authentication = authentication;
  }

  serve(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      try {
        this.#authentication.check(request);
        const url = request.url ?? "/";
        if (!isAttachPath(url)) throw pathNotFound("GET", url);
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, request));
      } catch (error) {
        refuse(socket, toProblem(error));
      }
    });
  }

  /** Tells every client why its stream ends now, and ends it: a server does not close while they are open. */
  async [Symbol.asyncDispose](): Promise<void> {
    const why = "the control process is ended or replaced: a container runs on, a command that was executed in it does not";
    for (const socket of this.#sockets.clients) closeWithProblem(socket, apiError("SLIPWAY_API_CLOSING", why));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets.clients) socket.terminate();
    }, CLOSE_PATIENCE_MS);
    await Promise.all(this.#open);
    clearTimeout(timer);
  }

  #accept(socket: WebSocket, request: IncomingMessage): void {
    socket.on("error", () => socket.terminate());
    // Until the node's stream is open, what the client sends waits in its connection.
    socket.pause();
    const task = this.#join(socket, request).catch((error: unknown) => {
      socket.resume();
      closeWithProblem(socket, error);
    });
    this.#open.add(task);
    void task.finally(() => this.#open.delete(task));
  }

  async #join(socket: WebSocket, request: IncomingMessage): Promise<void> {
    const target = parseAttachTarget(this.#context, request.url ?? "/");
    const { instance, operation } = target;
    const parent = propagation.extract(traceContext.active(), request.headers);
    await inSpan(
      `GET /v1/instances/:ref/${operation}`,
      { "slipway.instance": instance.observed.name },
      parent,
      async () => {
        await using stream = await this.#openStream(target);
        const joined = bridge(socket, stream, () => this.#removeEnded(target));
        socket.resume();
        await joined;
      },
    );
  }

  #openStream(target: AttachTarget): Promise<MessageStream> {
    const { instanceId, node } = target.instance.observed;
    const options = { timeoutMs: OPEN_TIMEOUT_MS, signal: this.#context.closing };
    return target.operation === "attach"
      ? openNodeStream(this.#context, node, "attach", { instanceId }, options)
      : openNodeStream(this.#context, node, "exec", { instanceId, request: target.request }, options);
  }

  /** When `run --rm` returns, nothing is left of its container: its name and ports may be used by the next. */
  async #removeEnded({ operation, instance: { key } }: AttachTarget): Promise<void> {
    const { state, log, closing } = this.#context;
    if (operation !== "attach" || state.assignments.get(key)?.value.attached?.removeOnExit !== true) return;
    try {
      await state.assignments.delete(key);
      await waitForState(state, () => state.observed.get(key) === undefined, REMOVAL_PATIENCE_MS, closing);
    } catch (error) {
      log(`${key} is left to the controller to remove`, error);
    }
  }
}

function refuse(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? "Error"}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
