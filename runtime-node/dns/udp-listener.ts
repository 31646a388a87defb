import type { Kernel } from "#kernel/kernel.ts";
import { ReadablePoll } from "#kernel/readable-poll.ts";
import { decodeAddress, lengthOf, SOCKET_ADDRESS_BYTES } from "./dns-sockets.ts";
import type { Responder } from "./responder.ts";

/** recv(2) */
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const LARGEST_DATAGRAM_BYTES = 64 * 1024;
/** A flood of queries leaves the event loop to others in between. */
const QUERIES_A_TURN = 64;

/**
 * Answers datagrams until disposed. A query is taken off the socket only when its answer is sent: when this process is killed in between it still
 * stands there for the next one, who answers it again.
 */
export class UdpListener implements Disposable {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(LARGEST_DATAGRAM_BYTES);
  #poll: ReadablePoll | undefined;

  /** Takes the fd over. */
  constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel;
    this.#fd = fd;
  }

  serve(responder: Responder, signal: AbortSignal): void {
    this.#poll = new ReadablePoll(this.#fd, () => {
      for (let count = 0; count < QUERIES_A_TURN; count++) if (!this.#serveOne(responder, signal)) return;
    });
  }

  [Symbol.dispose](): void {
    this.#poll?.[Symbol.dispose]();
    this.#kernel.attempt("close", this.#fd);
  }

  /** False when no query waits. */
  #serveOne(responder: Responder, signal: AbortSignal): boolean {
    const from = Buffer.alloc(SOCKET_ADDRESS_BYTES);
    const flags = MSG_PEEK | MSG_DONTWAIT;
    const length = this.#kernel.attempt(
      "recvfrom",
      this.#fd,
      this.#buffer,
      LARGEST_DATAGRAM_BYTES,
      flags,
      from,
      lengthOf(from),
    );
    if (length < 0) return false;
    // A copy: what is forwarded outlives this turn.
    this.#answer(Buffer.from(this.#buffer.subarray(0, length)), from, responder, signal);
    this.#kernel.attempt("recvfrom", this.#fd, this.#buffer, 0, MSG_DONTWAIT, null, null);
    return true;
  }

  #answer(packet: Buffer, from: Buffer, responder: Responder, signal: AbortSignal): void {
    const asker = { address: decodeAddress(from).address, transport: "udp" } as const;
    const response = responder.respond(packet, asker);
    if (response.kind === "answer") this.#send(response.bytes, from);
    if (response.kind !== "forward") return;
    responder.forward(response.query, asker, signal).then(
      (bytes) => void (signal.aborted || this.#send(bytes, from)),
      () => {
        // The server closes.
      },
    );
  }

  /** What cannot be sent (an asker that is gone) concerns nobody else. */
  #send(bytes: Buffer, to: Buffer): void {
    this.#kernel.attempt("sendto", this.#fd, bytes, bytes.byteLength, MSG_DONTWAIT, to, to.byteLength);
  }
}
