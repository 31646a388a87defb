import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { QueryLimit } from "./query-limit.ts";
import type { Responder } from "./responder.ts";
import { frame, readFrames } from "./tcp-frames.ts";

const IDLE_TIMEOUT_MS = 10_000;
const CONNECTIONS = { perClient: 16, inAll: 256 };

/** Answers connections until disposed, the questions of one connection in their order. */
export class TcpListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #limit = new QueryLimit(CONNECTIONS);

  private constructor(server: Server) {
    this.#server = server;
  }

  static async bind(address: string, port: number): Promise<TcpListener> {
    const server = createServer();
    server.listen({ host: address, port, exclusive: true });
    await once(server, "listening");
    return new TcpListener(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  serve(responder: Responder, signal: AbortSignal): void {
    this.#server.on("connection", (socket) => void this.#converse(socket, responder, signal));
  }

  async #converse(socket: Socket, responder: Responder, signal: AbortSignal): Promise<void> {
    const address = socket.remoteAddress ?? "";
    using place = this.#limit.enter(address);
    this.#connections.add(socket);
    socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
    try {
      if (place === undefined) return;
      for await (const packet of readFrames(socket)) {
        const answer = await responder.respond(packet, { address, transport: "tcp" }, signal);
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
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }
}
