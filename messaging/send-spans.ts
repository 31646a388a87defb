import { CONTROL_SUBJECTS } from "#contracts/subjects.ts";
import type { SpanBatch } from "#contracts/trace.ts";
import type { Platform } from "./platform.ts";

const PATIENCE_MS = 5_000;

/** Gives a batch of spans to the platform's store; resolves when it is kept, and rejects while control is away. */
export async function sendSpans(platform: Pick<Platform, "request">, batch: SpanBatch, signal: AbortSignal): Promise<void> {
  await platform.request(CONTROL_SUBJECTS.recordSpans, batch, { timeoutMs: PATIENCE_MS, signal });
}
