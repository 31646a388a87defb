import type { LogPosition, LogQuery, LogRecord } from "#contracts/api.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import type { ApiContext } from "./api-context.ts";
import { openNodeStream } from "./node-client.ts";

/** The agent ended, or the way to it broke. */
const CUT_OFF = ["SLIPWAY_MESSAGING_STREAM_LOST", "SLIPWAY_MESSAGING_UNAVAILABLE"];
/** What was asked of an agent that died over it is answered by nobody: then the next one is asked. */
const AWAY = [...CUT_OFF, "SLIPWAY_MESSAGING_TIMEOUT", "SLIPWAY_MESSAGING_NO_RESPONDER"];
const OPENING_TIMEOUT_MS = 2_000;
/** So long a node may be away. */
const PATIENCE_MS = 60_000;

/**
 * The output of containers as it comes, over deaths of the node's agent: the next one is asked for what comes after the last record of each
 * instance, so that none is missing and none is there twice.
 */
export async function* followLogs(
  context: ApiContext,
  node: string,
  first: { stream: MessageStream; opening: LogQuery },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const seen: Record<string, LogPosition> = {};
  const openedAt = new Date().toISOString();
  let { stream } = first;
  for (;;) {
    try {
      for await (const chunk of stream.incoming) {
        note(chunk, seen);
        yield chunk;
      }
      return;
    } catch (error) {
      if (signal.aborted || !hasCode(error, ...CUT_OFF)) throw error;
    } finally {
      await stream[Symbol.asyncDispose]();
    }
    stream = await reopen(context, node, resumed(first.opening, seen, openedAt), signal);
  }
}

async function reopen(context: ApiContext, node: string, opening: LogQuery, signal: AbortSignal): Promise<MessageStream> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await openNodeStream(context, node, "logs", opening, { signal, timeoutMs: OPENING_TIMEOUT_MS });
    } catch (error) {
      if (signal.aborted || !hasCode(error, ...AWAY) || performance.now() > deadline) throw error;
    }
  }
}

/** An instance of which nothing came had nothing to show then, unless nothing of before was asked for. */
function resumed(opening: LogQuery, after: Record<string, LogPosition>, openedAt: string): LogQuery {
  const { tail, ...rest } = opening;
  return { ...rest, after, ...(tail === 0 ? { since: opening.since ?? openedAt } : {}) };
}

/** A chunk is whole lines, each a record. */
function note(chunk: Uint8Array, seen: Record<string, LogPosition>): void {
  for (const line of Buffer.from(chunk).toString("utf8").split("\n")) {
    const record = parsed(line);
    if (record?.at !== undefined) seen[`${record.project}/${record.service}/${record.instance}`] = record.at;
  }
}

/** An agent's lines are passed on whatever is in them. */
function parsed(line: string): LogRecord | undefined {
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return undefined;
  }
}
