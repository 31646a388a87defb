import { MessageQueue } from "../connection/message-queue.ts";
import type { SequencedFrame } from "./frames.ts";
import { WINDOW_BYTES } from "./outgoing-flow.ts";

/** The sender is told of what was taken before its window is used up. */
const ACKNOWLEDGE_BYTES = WINDOW_BYTES / 4;

/** What becomes of a frame: taken, seen before, or one before it is missing. */
export type Arrival = "accepted" | "repeated" | "gap";

/** One direction, at its receiver: puts frames in order and counts what the application has taken. */
export class IncomingFlow {
  readonly #arrived = new MessageQueue<SequencedFrame>();
  readonly #acknowledge: () => void;
  #received = 0;
  #consumed = 0;
  #consumedBytes = 0;

  /** @param acknowledge called when the sender should hear how far the application is */
  constructor(acknowledge: () => void) {
    this.#acknowledge = acknowledge;
  }

  get received(): number {
    return this.#received;
  }

  get consumed(): number {
    return this.#consumed;
  }

  accept(frame: SequencedFrame): Arrival {
    if (frame.seq < this.#received) return "repeated";
    if (frame.seq > this.#received) return "gap";
    this.#received++;
    this.#arrived.push(frame);
    return "accepted";
  }

  /** The next whole chunk, or the frame that ends this direction. */
  async take(failed: AbortSignal): Promise<Uint8Array | Exclude<SequencedFrame, { kind: "data" | "part" }>> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const frame = await this.#arrived.take(this.#arrived.size > 0 ? undefined : failed);
      this.#count(frame);
      if (frame.kind === "part") parts.push(frame.bytes);
      else if (frame.kind !== "data") return frame;
      else return parts.length === 0 ? frame.bytes : Buffer.concat([...parts, frame.bytes]);
    }
  }

  #count(frame: SequencedFrame): void {
    this.#consumed++;
    this.#consumedBytes += "bytes" in frame ? frame.bytes.byteLength : 0;
    if (this.#consumedBytes < ACKNOWLEDGE_BYTES) return;
    this.#consumedBytes = 0;
    this.#acknowledge();
  }
}
