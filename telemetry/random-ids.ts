import { randomFillSync } from "node:crypto";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const POOL_BYTES = 4096;

const pool = Buffer.allocUnsafe(POOL_BYTES);
let used = POOL_BYTES;

/** Random bytes as hex. Drawn many at a time: a system call for each id would cost more than the span. */
function draw(bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

/** 32 hex digits, never all zeros in practice (W3C Trace Context, section 3.2.2.3). */
export const newTraceId = (): string => draw(TRACE_ID_BYTES);
/** 16 hex digits. */
export const newSpanId = (): string => draw(SPAN_ID_BYTES);
