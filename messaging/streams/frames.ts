import { messagingError } from "../errors.ts";

/**
 * What one end of a stream sends the other, a NATS message each: a byte for the kind, then big-endian numbers.
 *
 * | kind | contents | meaning |
 * |---|---|---|
 * | data | seq u32, bytes | the last or only part of a chunk |
 * | part | seq u32, bytes | a part of a chunk that goes on |
 * | end | seq u32 | this direction is over, the other goes on |
 * | close | seq u32 | the stream is over: who served it has finished |
 * | fail | seq u32, Problem as JSON | the stream is over by an error |
 * | state | flags u8, next u32, received u32, consumed u32 | acknowledgement and heartbeat; flag 1 asks to send again from `received` |
 * | accept | | who serves the stream is there; the message's reply is where to send |
 * | reset | | the other end left before the stream was over |
 *
 * Sequence numbers count the frames of a direction that have one. The client library keeps nothing over a reconnect, so each end
 * keeps what the other has not consumed, and sends it again when asked.
 */
export type SequencedFrame =
  | { kind: "data" | "part" | "fail"; seq: number; bytes: Uint8Array }
  | { kind: "end" | "close"; seq: number };

export interface StateFrame {
  kind: "state";
  resend: boolean;
  /** The number that the sender's next frame will have. */
  next: number;
  /** How many frames the sender has received in order. */
  received: number;
  /** How many of them its application has taken. */
  consumed: number;
}

export type Frame = SequencedFrame | StateFrame | { kind: "accept" | "reset" };

const KINDS = ["data", "part", "end", "close", "fail", "state", "accept", "reset"] as const;
const SEQUENCED_HEADER_BYTES = 5;
const STATE_BYTES = 14;
const NO_BYTES = new Uint8Array();

export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case "accept":
    case "reset":
      return Uint8Array.of(KINDS.indexOf(frame.kind));
    case "state":
      return encodeState(frame);
    case "end":
    case "close":
      return encodeSequenced(frame.kind, frame.seq, NO_BYTES);
    case "data":
    case "part":
    case "fail":
      return encodeSequenced(frame.kind, frame.seq, frame.bytes);
  }
}

/** Reads a frame; throws SLIPWAY_MESSAGING_MALFORMED for what is none. */
export function decodeFrame(message: Uint8Array): Frame {
  const kind = KINDS[message[0] ?? KINDS.length];
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (kind === "accept" || kind === "reset") return { kind };
  if (kind === "state" && message.byteLength === STATE_BYTES) {
    return {
      kind,
      resend: view.getUint8(1) === 1,
      next: view.getUint32(2),
      received: view.getUint32(6),
      consumed: view.getUint32(10),
    };
  }
  if (kind === undefined || kind === "state" || message.byteLength < SEQUENCED_HEADER_BYTES) {
    throw messagingError(
      "SLIPWAY_MESSAGING_MALFORMED",
      `a stream's frame begins with ${Buffer.from(message.subarray(0, 16)).toString("hex")}`,
    );
  }
  const seq = view.getUint32(1);
  if (kind === "end" || kind === "close") return { kind, seq };
  return { kind, seq, bytes: message.subarray(SEQUENCED_HEADER_BYTES) };
}

function encodeSequenced(kind: SequencedFrame["kind"], seq: number, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(SEQUENCED_HEADER_BYTES + bytes.byteLength);
  message[0] = KINDS.indexOf(kind);
  new DataView(message.buffer).setUint32(1, seq);
  message.set(bytes, SEQUENCED_HEADER_BYTES);
  return message;
}

function encodeState(state: StateFrame): Uint8Array {
  const message = new Uint8Array(STATE_BYTES);
  const view = new DataView(message.buffer);
  view.setUint8(0, KINDS.indexOf("state"));
  view.setUint8(1, state.resend ? 1 : 0);
  view.setUint32(2, state.next);
  view.setUint32(6, state.received);
  view.setUint32(10, state.consumed);
  return message;
}
