import type { Socket } from "node:net";
import { ATTACH_CHANNEL, type AttachControl, decodeFrame, encodeControl, encodeFrame } from "#contracts/attach.ts";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import { containerError } from "./errors.ts";

export interface AttachTarget {
  /** Resolves when the process runs; null when it takes no input. */
  stdin(): Promise<Socket | null>;
  signal(name: string): Promise<void>;
}

/** A caller that asked for an instance and wants to attach comes at once, or not at all. */
const ARRIVAL_WAIT_MS = 30_000;

/**
 * The callers attached to one process. Output goes to all of them, at the pace of the slowest; what they send goes to the
 * process. A caller that goes away is forgotten; the process goes on.
 */
export class Attachments {
  readonly #streams = new Set<MessageStream>();
  readonly #closed = new Map<MessageStream, () => void>();
  #arrived = Promise.withResolvers<void>();

  /** Resolves when somebody is attached; throws SLIPWAY_CONTAINER_NOT_ATTACHED when nobody comes. */
  async untilArrived(instanceName: string, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ARRIVAL_WAIT_MS)]);
    const gaveUp = Promise.withResolvers<never>();
    limit.addEventListener("abort", () => gaveUp.reject(limit.reason as Error), { once: true });
    try {
      await Promise.race([this.#arrived.promise, gaveUp.promise]);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `nobody attached to ${instanceName} within ${ARRIVAL_WAIT_MS} ms`;
      throw containerError("SLIPWAY_CONTAINER_NOT_ATTACHED", message, { cause });
    }
  }

  /** Serves one caller until the process has ended or the caller is gone. */
  async serve(stream: MessageStream, target: AttachTarget): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#streams.add(stream);
    this.#closed.set(stream, closed.resolve);
    this.#arrived.resolve();
    stream.signal.addEventListener("abort", () => this.#drop(stream), { once: true });
    void this.#receive(stream, target);
    await closed.promise;
  }

  async output(channel: "stdout" | "stderr", chunk: Uint8Array): Promise<void> {
    const frame = encodeFrame(ATTACH_CHANNEL[channel], chunk);
    await Promise.all([...this.#streams].map((stream) => stream.send(frame).catch(() => this.#drop(stream))));
  }

  async tell(control: AttachControl): Promise<void> {
    const frame = encodeControl(control);
    await Promise.all([...this.#streams].map((stream) => stream.send(frame).catch(() => this.#drop(stream))));
  }

  /** The last word, `exit` or `error`; then every stream ends. */
  async end(last: { exitCode: number; oomKilled: boolean } | SlipwayError): Promise<void> {
    await this.tell("toProblem" in last ? { type: "error", problem: last.toProblem() } : { type: "exit", ...last });
    for (const stream of this.#streams) {
      await stream.end().catch(() => {});
      this.#drop(stream);
    }
    this.#arrived = Promise.withResolvers();
  }

  async #receive(stream: MessageStream, target: AttachTarget): Promise<void> {
    const input = new InputQueue(target);
    try {
      for await (const chunk of stream.incoming) {
        const frame = decodeFrame(chunk);
        if (frame.channel === "stdin") await input.write(frame.payload);
        if (frame.channel !== "control") continue;
        if (frame.control.type === "stdin-end") input.end();
        if (frame.control.type === "signal") await target.signal(frame.control.signal).catch(() => {});
      }
    } catch {
      // The stream failed: its signal has said so.
    }
  }

  #drop(stream: MessageStream): void {
    this.#streams.delete(stream);
    this.#closed.get(stream)?.();
    this.#closed.delete(stream);
  }
}

/** What a process has not read yet may wait here, so that a signal is not held up behind it; then the caller waits. */
const MOST_WAITING_CHUNKS = 64;

/** One caller's input on its way to a process that may not have started, or may not read. */
class InputQueue {
  readonly #target: AttachTarget;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(target: AttachTarget) {
    this.#target = target;
  }

  async write(payload: Uint8Array): Promise<void> {
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      await writeAll(await this.#target.stdin(), payload);
      this.#waiting--;
    });
    if (this.#waiting >= MOST_WAITING_CHUNKS) await this.#last;
  }

  /** A FIFO has no half to shut down: its reader sees the end when the fd is closed. */
  end(): void {
    this.#last = this.#last.then(async () => {
      const stdin = await this.#target.stdin();
      stdin?.end(() => stdin.destroy());
    });
  }
}

/** Resolves when there is room for more, or the process no longer reads. */
function writeAll(stdin: Socket | null, payload: Uint8Array): Promise<void> {
  if (stdin === null || stdin.destroyed || stdin.writableEnded) return Promise.resolve();
  return new Promise((resolve) => stdin.write(payload, () => resolve()));
}
