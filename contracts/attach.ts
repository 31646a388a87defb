import type { Problem } from "./slipway-error.ts";

/**
 * Frames of an attach or exec stream, one a WebSocket message or stream chunk: a channel byte, then the payload. The same
 * bytes go between CLI and API (WebSocket) and between API and agent (a messaging stream).
 */
export const ATTACH_CHANNEL = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
export type AttachChannel = (typeof ATTACH_CHANNEL)[keyof typeof ATTACH_CHANNEL];

export type AttachControl =
  /** caller → container: no more stdin. */
  | { type: "stdin-end" }
  /** caller → container: a signal's name. */
  | { type: "signal"; signal: string }
  /** container → caller: the process runs. */
  | { type: "started"; pid: number }
  /** container → caller, last: 128+n for signal n. */
  | { type: "exit"; exitCode: number; oomKilled: boolean }
  /** container → caller, last: it could not be started. */
  | { type: "error"; problem: Problem };

export function encodeFrame(channel: AttachChannel, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(payload.byteLength + 1);
  frame[0] = channel;
  frame.set(payload, 1);
  return frame;
}

export function encodeControl(control: AttachControl): Uint8Array {
  return encodeFrame(ATTACH_CHANNEL.control, Buffer.from(JSON.stringify(control)));
}

export type DecodedFrame =
  | { channel: "stdin" | "stdout" | "stderr"; payload: Uint8Array }
  | { channel: "control"; control: AttachControl };

export function decodeFrame(frame: Uint8Array): DecodedFrame {
  const payload = frame.subarray(1);
  switch (frame[0]) {
    case ATTACH_CHANNEL.stdin:
      return { channel: "stdin", payload };
    case ATTACH_CHANNEL.stdout:
      return { channel: "stdout", payload };
    case ATTACH_CHANNEL.stderr:
      return { channel: "stderr", payload };
    case ATTACH_CHANNEL.control:
      return { channel: "control", control: JSON.parse(Buffer.from(payload).toString("utf8")) as AttachControl };
    default:
      throw new RangeError(`an attach frame has channel ${frame[0]}, of 0 to 3`);
  }
}
