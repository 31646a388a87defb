import { type Problem, SlipwayError } from "#contracts/slipway-error.ts";
import { decodePayload, encodePayload } from "../calls/json-payload.ts";
import { Deadline } from "../connection/deadline.ts";
import type { Link } from "../connection/link.ts";
import { orAborted } from "../connection/or-aborted.ts";
import { messagingError } from "../errors.ts";
import type { MessageStream } from "../platform.ts";
import { encodeFrame, type Frame, type SequencedFrame, type StateFrame } from "./frames.ts";
import { IncomingFlow } from "./incoming-flow.ts";
import { OutgoingFlow } from "./outgoing-flow.ts";
import { StreamLine } from "./stream-line.ts";

/** How long an end that has finished stays, so that the other gets what was lost on the way. */
const LINGER_MS = 30_000;

/** One end of a stream: both directions, over a line. */
export class StreamEnd implements MessageStream {
  readonly incoming: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => this.#read() };
  readonly #subject: string;
  readonly #line: StreamLine;
  readonly #outgoing: OutgoingFlow;
  readonly #incoming: IncomingFlow;
  readonly #accepted = Promise.withResolvers<void>();
  readonly #arrived = Promise.withResolvers<void>();
  /** The stream is over for this end's application. */
  readonly #over = new AbortController();
  /** There is nobody to send to any more, though there may be something to read. */
  readonly #unsendable = new AbortController();
  /** This end has said that it is over, or heard it: nothing more need be said. */
  #settled = false;
  #readToEnd = false;
  #askedFrom = -1;

  /** @param subject what the stream was opened on, for messages */
  constructor(link: Link, subject: string) {
    this.#subject = subject;
    this.#line = new StreamLine(link, {
      received: (frame, from) => this.#receive(frame, from),
      unanswered: () =>
        this.#accepted.reject(messagingError("SLIPWAY_MESSAGING_NO_RESPONDER", `nobody answers ${subject}`)),
      lost: (why) => this.#fail(this.#lost(`the other end of the stream ${subject} ${why}`)),
      state: () => this.#state(),
    });
    this.#outgoing = new OutgoingFlow((frame) => this.#line.send(frame));
    this.#incoming = new IncomingFlow(() => this.#line.sendState());
    this.#accepted.promise.catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Where the other end sends to. */
  get inbox(): string {
    return this.#line.inbox;
  }

  /** Resolves when somebody serves the stream. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** Takes a stream that was opened from an inbox. */
  accept(peer: string): void {
    this.#line.meet(peer);
    this.#line.sendAnswerable({ kind: "accept" });
  }

  send(chunk: Uint8Array): Promise<void> {
    return this.#outgoing.send(chunk, this.#unsendable.signal);
  }

  async end(): Promise<void> {
    if (this.#unsendable.signal.aborted) return;
    await this.#outgoing.finish({ kind: "end" });
    this.#unsendable.abort(this.#lost(`this side has ended its direction of the stream ${this.#subject}`));
  }

  /** Says that the stream is over, by an error or without; resolves when the other end knows or is gone. */
  async finish(error?: SlipwayError): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    await this.#outgoing.finish(
      error === undefined ? { kind: "close" } : { kind: "fail", bytes: encodePayload(error.toProblem()) },
    );
    using lingering = new Deadline(LINGER_MS);
    try {
      await orAborted(this.#arrived.promise, this.signal, lingering.signal);
    } catch {
      // The other end is gone: it needs nothing any more.
    }
  }

  /** Ends what this end's application waits for; the other end hears of it by `finish` or disposal. */
  interrupt(error: SlipwayError): void {
    this.#unsendable.abort(error);
    this.#over.abort(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#settled) this.#line.send(encodeFrame({ kind: "reset" }));
    this.#settled = true;
    this.#line[Symbol.dispose]();
    this.#fail(this.#lost(`the stream ${this.#subject} was closed by this side`));
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const taken = await this.#incoming.take(this.signal);
      if (taken instanceof Uint8Array) {
        yield taken;
        continue;
      }
      this.#readToEnd = true;
      if (taken.kind !== "end") this.#conclude(taken);
      if (taken.kind === "fail") throw this.signal.reason;
      return;
    }
  }

  #receive(frame: Frame, from: string | undefined): void {
    switch (frame.kind) {
      case "accept":
        if (!this.#line.met && from !== undefined) this.#line.meet(from);
        return this.#accepted.resolve();
      case "reset":
        this.#settled = true;
        return this.#fail(this.#lost(`the other end closed the stream ${this.#subject}`));
      case "state":
        return this.#acknowledged(frame);
      default:
        return this.#arrive(frame);
    }
  }

  #acknowledged(state: StateFrame): void {
    this.#outgoing.acknowledge(state);
    if (this.#settled && this.#outgoing.arrived) this.#arrived.resolve();
    // Frames overtake nothing on their way: what was sent before this and is not here is lost.
    if (state.next > this.#incoming.received) this.#line.sendState(true);
  }

  #arrive(frame: SequencedFrame): void {
    const arrival = this.#incoming.accept(frame);
    if (arrival === "gap" && this.#askedFrom !== this.#incoming.received) {
      this.#askedFrom = this.#incoming.received;
      this.#line.sendState(true);
    }
    if (arrival !== "accepted" || (frame.kind !== "close" && frame.kind !== "fail")) return;
    this.#settled = true;
    this.#line.sendState();
    this.#unsendable.abort(this.#outcome(frame));
    if (this.#readToEnd) this.#conclude(frame);
  }

  /** The other end has finished, and this one has read everything before. */
  #conclude(frame: SequencedFrame): void {
    this.#fail(this.#outcome(frame));
  }

  #outcome(frame: SequencedFrame): SlipwayError {
    if (frame.kind !== "fail") return this.#lost(`the other end has finished the stream ${this.#subject}`);
    return SlipwayError.fromProblem(decodePayload(frame.bytes, "a stream's error") as Problem);
  }

  #fail(error: SlipwayError): void {
    this.#accepted.reject(error);
    this.interrupt(error);
  }

  #lost(message: string): SlipwayError {
    return messagingError("SLIPWAY_MESSAGING_STREAM_LOST", message);
  }

  #state(): StateFrame {
    return {
      kind: "state",
      resend: false,
      next: this.#outgoing.next,
      received: this.#incoming.received,
      consumed: this.#incoming.consumed,
    };
  }
}
