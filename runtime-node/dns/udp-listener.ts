import { DatagramBatch } from "#kernel/datagram-batch.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { ReadablePoll } from "#kernel/readable-poll.ts";
import { decodeAddress, lengthOf, SOCKET_ADDRESS_BYTES } from "./dns-sockets.ts";
import type { Responder } from "./responder.ts";
import { LARGEST_UDP_BYTES } from "./wire.ts";

/** recv(2) */
const MSG_DONTWAIT = 0x40;
const LARGEST_DATAGRAM_BYTES = 64 * 1024;

/**
 * Answers datagrams until disposed. A query is taken off the socket only when its answer is sent: when this process is killed in between it still
 * stands there for the next one, who answers it again. A flood of queries leaves the event loop to others after each batch.
 */
export class UdpListener implements Disposable {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #batch: DatagramBatch;
  #poll: ReadablePoll | undefined;

  /** Takes the fd over. */
  constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#batch = new DatagramBatch(kernel, fd, LARGEST_UDP_BYTES);
  }

  serve(responder: Responder, signal: AbortSignal): void {
    // A former server may have been killed in the middle of a batch.
    this.#batch.startOver();
    this.#poll = new ReadablePoll(this.#fd, () => this.#serveBatch(responder, signal));
  }

  [Symbol.dispose](): void {
    this.#poll?.[Symbol.dispose]();
    this.#batch.finish();
    this.#kernel.attempt("close", this.#fd);
  }

  #serveBatch(responder: Responder, signal: AbortSignal): void {
    const batch = this.#batch;
    const waiting = batch.peek();
    let whole = 0;
    while (whole < waiting && batch.lengthOf(whole) <= LARGEST_UDP_BYTES) whole += 1;
    if (whole === 0) return this.#serveOdd(responder, signal);
    let unsent = 0;
    for (let index = 0; index < whole; index++) {
      if (this.#answerInBatch(index, responder, signal)) continue;
      batch.send(unsent, index);
      unsent = index + 1;
    }
    batch.send(unsent, whole);
    batch.takeOff(whole);
    if (whole < waiting) batch.startOver();
  }

  /** False when nothing is to be sent with the others. */
  #answerInBatch(index: number, responder: Responder, signal: AbortSignal): boolean {
    const batch = this.#batch;
    const [start, length] = [batch.startOf(index), batch.lengthOf(index)];
    const quick = responder.answerInPlace(batch.bytes, start, length, batch.senderOf(index));
    if (quick > 0) {
      batch.setAnswer(index, quick);
      return true;
    }
    // A copy: what is forwarded outlives this turn.
    const bytes = this.#answer(
      Buffer.from(batch.bytes.subarray(start, start + length)),
      batch.sockaddrOf(index),
      responder,
      signal,
    );
    if (bytes === undefined) return false;
    batch.bytes.set(bytes, start);
    batch.setAnswer(index, bytes.byteLength);
    return true;
  }

  /**
   * A datagram that is no honest query's: longer than any, or empty and left from a server that was killed, which the kernel does not show
   * a second time. It is taken off at once.
   */
  #serveOdd(responder: Responder, signal: AbortSignal): void {
    const from = Buffer.alloc(SOCKET_ADDRESS_BYTES);
    const bytes = Buffer.alloc(LARGEST_DATAGRAM_BYTES);
    const room = bytes.byteLength;
    const length = this.#kernel.attempt("recvfrom", this.#fd, bytes, room, MSG_DONTWAIT, from, lengthOf(from));
    this.#batch.startOver();
    if (length < 0) return;
    const answer = this.#answer(bytes.subarray(0, length), from, responder, signal);
    if (answer !== undefined) this.#send(answer, from);
  }

  /** What can be answered at once; the rest is sent when it is known. */
  #answer(packet: Buffer, from: Buffer, responder: Responder, signal: AbortSignal): Buffer | undefined {
    const asker = { address: decodeAddress(from).address, transport: "udp" } as const;
    const response = responder.respond(packet, asker);
    if (response.kind === "answer") return response.bytes;
    if (response.kind === "ignore") return undefined;
    responder.forward(response.query, asker, signal).then(
      (bytes) => void (signal.aborted || this.#send(bytes, from)),
      () => {
        // The server closes.
      },
    );
    return undefined;
  }

  /** What cannot be sent (an asker that is gone) concerns nobody else. */
  #send(bytes: Buffer, to: Buffer): void {
    this.#kernel.attempt("sendto", this.#fd, bytes, bytes.byteLength, MSG_DONTWAIT, to, to.byteLength);
  }
}
