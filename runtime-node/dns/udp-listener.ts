import { type Socket, createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Responder } from "./responder.ts";

/** Answers datagrams until disposed. */
export class UdpListener implements AsyncDisposable {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async bind(address: string, port: number): Promise<UdpListener> {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, resolve);
    try {
      await promise;
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.off("error", reject);
    return new UdpListener(socket);
  }

  serve(responder: Responder, signal: AbortSignal): void {
    // ICMP errors of earlier answers arrive as errors of this socket; they concern nobody else.
    this.#socket.on("error", () => undefined);
    this.#socket.on("message", (packet, { address, port }) => {
      responder.respond(packet, { address, transport: "udp" }, signal).then(
        (answer) => (answer === undefined || signal.aborted ? undefined : this.#socket.send(answer, port, address)),
        () => undefined,
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve);
    });
  }
}
