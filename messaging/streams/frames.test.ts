import { expect, test } from "vitest";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";

test.each<Frame>([
  { kind: "data", seq: 0, bytes: Uint8Array.of(1, 2, 3) },
  { kind: "data", seq: 4_000_000_000, bytes: new Uint8Array() },
  { kind: "part", seq: 7, bytes: Uint8Array.of(255) },
  { kind: "fail", seq: 1, bytes: Uint8Array.of(123, 125) },
  { kind: "end", seq: 2 },
  { kind: "close", seq: 3 },
  { kind: "state", resend: true, next: 1, received: 2, consumed: 3 },
  { kind: "state", resend: false, next: 4_294_967_295, received: 0, consumed: 0 },
  { kind: "accept" },
  { kind: "reset" },
])("a frame is read as it was written: $kind", (frame) => {
  expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
});

test.each([[[]], [[99]], [[0, 0, 0]], [[5, 0, 0]], [[5, ...Array.from({ length: 20 }, () => 0)]]])(
  "%j is no frame",
  (bytes) => {
    expect(() => decodeFrame(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: "SLIPWAY_MESSAGING_MALFORMED" }),
    );
  },
);
