import type { Subscription } from "@nats-io/transport-node";
import type { Link } from "../connection/link.ts";
import { decodeFrame, encodeFrame, type Frame, type StateFrame } from "./frames.ts";
import { Pulse } from "./pulse.ts";

const STATUS_NO_RESPONDERS = 503;

/** What a line tells its end of the stream. */
export interface LineListener {
  /** A frame came; `from` is where its sender can be reached, when it says so. */
  received(frame: Frame, from: string | undefined): void;
  /** Nobody was there to open the stream with. */
  unanswered(): void;
  /** The other end is given up, for a reason in words. */
  lost(why: string): void;
  /** The state to tell the other end with a sign of life. */
  state(): StateFrame;
}

/** Frames over NATS between two inboxes, with the signs of life that go with them. */
export class StreamLine implements Disposable {
  readonly inbox: string;
  readonly #link: Link;
  readonly #listener: LineListener;
  readonly #subscription: Subscription;
  #peer: string | undefined;
  #pulse: Pulse | undefined;

  constructor(link: Link, listener: LineListener) {
    this.#link = link;
    this.#listener = listener;
    this.inbox = link.newInbox();
    this.#subscription = link.connection.subscribe(this.inbox, {
      callback: (error, message) => {
        if (error !== null) listener.lost(`cannot be heard: ${error.message}`);
        else if (message.headers?.code === STATUS_NO_RESPONDERS) this.#unanswered();
        else this.#receive(message.data, message.reply);
      },
    });
  }

  get met(): boolean {
    return this.#peer !== undefined;
  }

  /** Begins to talk to the other end. */
  meet(peer: string): void {
    this.#peer = peer;
    this.#pulse = new Pulse(
      this.#link,
      () => this.sendState(),
      (why) => this.#listener.lost(why),
    );
  }

  send(frame: Uint8Array): void {
    if (this.#peer !== undefined && !this.#link.closed) this.#link.connection.publish(this.#peer, frame);
  }

  /** With a reply subject, so that the server says when nobody listens there any more, and the other end where we are. */
  sendAnswerable(frame: Frame): void {
    if (this.#peer === undefined || this.#link.closed) return;
    this.#link.connection.publish(this.#peer, encodeFrame(frame), { reply: this.inbox });
  }

  sendState(resend = false): void {
    this.sendAnswerable({ ...this.#listener.state(), resend });
  }

  [Symbol.dispose](): void {
    this.#pulse?.[Symbol.dispose]();
    this.#subscription.unsubscribe();
  }

  #unanswered(): void {
    if (this.#pulse === undefined) this.#listener.unanswered();
    else this.#pulse.absent();
  }

  #receive(data: Uint8Array, from: string | undefined): void {
    this.#pulse?.heard();
    let frame: Frame;
    try {
      frame = decodeFrame(data);
    } catch (error) {
      this.#listener.lost(`does not speak this protocol: ${(error as Error).message}`);
      return;
    }
    this.#listener.received(frame, from);
  }
}
