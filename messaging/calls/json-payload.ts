import { messagingError } from "../errors.ts";

/** A value as a message's payload; nothing for undefined. */
export function encodePayload(value: unknown): Uint8Array {
  return value === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(value));
}

export function decodePayload(data: Uint8Array, what: string): unknown {
  if (data.byteLength === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(data).toString("utf8"));
  } catch (cause) {
    throw messagingError("SLIPWAY_MESSAGING_MALFORMED", `${what} is not JSON`, { cause });
  }
}

/** Refuses what the server would close the connection for. */
export function requirePayloadFits(payload: Uint8Array, limitBytes: number | undefined, what: string): void {
  if (limitBytes === undefined || payload.byteLength <= limitBytes) return;
  throw messagingError("SLIPWAY_MESSAGING_TOO_LARGE", `${what} has ${payload.byteLength} bytes, of at most ${limitBytes}`);
}
