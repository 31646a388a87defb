import { orAborted } from "../connection/or-aborted.ts";
import { encodeFrame, type SequencedFrame, type StateFrame } from "./frames.ts";

/** So much may be on its way and not taken by the other end's application. */
export const WINDOW_BYTES = 512 * 1024;
const PART_BYTES = 128 * 1024;

/** Omit over each member of the union. */
type Unnumbered = SequencedFrame extends infer Frame ? (Frame extends SequencedFrame ? Omit<Frame, "seq"> : never) : never;

/** One direction, at its sender: numbers frames, keeps them until they are consumed, and waits for room. */
export class OutgoingFlow {
  readonly #publish: (frame: Uint8Array) => void;
  /** Frames that the other end has not consumed, in order; the first has number `#next - length`. */
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #next = 0;
  #received = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(publish: (frame: Uint8Array) => void) {
    this.#publish = publish;
  }

  /** The number of the next frame: how many were sent. */
  get next(): number {
    return this.#next;
  }

  /** True when the other end has everything. */
  get arrived(): boolean {
    return this.#received === this.#next;
  }

  /** Sends a chunk, in parts if it is large, as there is room; chunks of callers at once follow each other whole. */
  send(chunk: Uint8Array, failed: AbortSignal): Promise<void> {
    const sent = this.#sending.then(() => this.#sendParts(chunk, failed));
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Sends a frame that takes no room, after all chunks before it. */
  finish(frame: Unnumbered): Promise<void> {
    this.#sending = this.#sending.then(() => this.#emit(frame));
    return this.#sending;
  }

  /** The other end's acknowledgement. */
  acknowledge(state: StateFrame): void {
    const consumed = state.consumed - (this.#next - this.#kept.length);
    for (const frame of this.#kept.splice(0, Math.max(0, consumed))) this.#keptBytes -= frame.byteLength;
    this.#received = Math.max(this.#received, state.received);
    if (state.resend) this.#sendAgain(state.received);
    if (this.#keptBytes < WINDOW_BYTES) {
      this.#room?.resolve();
      this.#room = undefined;
    }
  }

  #sendAgain(from: number): void {
    const first = this.#next - this.#kept.length;
    for (const frame of this.#kept.slice(Math.max(0, from - first))) this.#publish(frame);
  }

  async #sendParts(chunk: Uint8Array, failed: AbortSignal): Promise<void> {
    let rest = chunk;
    while (rest.byteLength > PART_BYTES) {
      await this.#waitForRoom(failed);
      this.#emit({ kind: "part", bytes: rest.subarray(0, PART_BYTES) });
      rest = rest.subarray(PART_BYTES);
    }
    await this.#waitForRoom(failed);
    this.#emit({ kind: "data", bytes: rest });
  }

  #emit(frame: Unnumbered): void {
    const encoded = encodeFrame({ ...frame, seq: this.#next });
    this.#next++;
    this.#kept.push(encoded);
    this.#keptBytes += encoded.byteLength;
    this.#publish(encoded);
  }

  async #waitForRoom(failed: AbortSignal): Promise<void> {
    failed.throwIfAborted();
    while (this.#keptBytes >= WINDOW_BYTES) {
      this.#room ??= Promise.withResolvers<void>();
      await orAborted(this.#room.promise, failed);
    }
  }
}
