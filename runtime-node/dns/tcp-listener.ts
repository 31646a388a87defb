import { once } from "node:events";
import { closeSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { QueryLimit } from "./query-limit.ts";
import type { Asker, Responder } from "./responder.ts";
import { frame, readFrames } from "./tcp-frames.ts";

const IDLE_TIMEOUT_MS = 10_000;
const CONNECTIONS = { perClient: 16, inAll: 256 };

/** Answers connections until disposed, the questions of one connection in their order. */
export class TcpListener implements AsyncDisposable {
  readonly #fd: number;
  readonly #server: Server = createServer();
  readonly #connections = new Set<Socket>();
  readonly #limit = new QueryLimit(CONNECTIONS);

  /** Takes over the fd of a listening socket. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  async serve(responder: Responder, signal: AbortSignal): Promise<void> {
    this.#server.on("connection", (socket) => void this.#converse(socket, responder, signal));
    this.#server.listen({ fd: this.#fd });
    await once(this.#server, "listening");
  }

  async #converse(socket: Socket, responder: Responder, signal: AbortSignal): Promise<void> {
    const address = socket.remoteAddress ?? "";
    using place = this.#limit.enter(address);
    this.#connections.add(socket);
    socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
    try {
      if (place === undefined) return;
      for await (const packet of readFrames(socket)) {
        const answer = await answerTo(packet, { address, transport: "tcp" }, responder, signal);
        if (answer === undefined) return;
        if (!socket.write(frame(answer))) await once(socket, "drain", { signal });
      }
    } catch {
      // The connection broke or the server closes: either way it is over, and the asker asks again.
    } finally {
      this.#connections.delete(socket);
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return closeSync(this.#fd);
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }
}

/** Undefined for what deserves none. */
async function answerTo(
  packet: Buffer,
  asker: Asker,
  responder: Responder,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const response = responder.respond(packet, asker);
  if (response.kind === "forward") return responder.forward(response.query, asker, signal);
  return response.kind === "answer" ? response.bytes : undefined;
}
