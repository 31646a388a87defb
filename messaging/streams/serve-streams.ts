import { context } from "@opentelemetry/api";
import type { Msg } from "@nats-io/transport-node";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import { decodePayload } from "../calls/json-payload.ts";
import { RunningCalls } from "../calls/running-calls.ts";
import { traceOf, traceparentOf } from "../calls/trace-headers.ts";
import type { Link } from "../connection/link.ts";
import type { CallContext, MessageStream } from "../platform.ts";
import { StreamEnd } from "./stream-end.ts";

type Handler = (opening: never, stream: MessageStream, call: CallContext) => Promise<void>;

/** Serves streams until disposed; disposal aborts the handlers that run and waits for them. */
export function serveStreams(link: Link, subject: string, handler: Handler): AsyncDisposable {
  const running = new RunningCalls();
  const subscription = link.connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) link.log(`messaging: serving streams of ${subject}: ${error.message}`);
      else if (message.reply) running.add(serveOne(link, message, message.reply, handler, running.closing));
    },
  });
  return {
    [Symbol.asyncDispose]: async () => {
      subscription.unsubscribe();
      await running.close();
    },
  };
}

async function serveOne(link: Link, message: Msg, peer: string, handler: Handler, closing: AbortSignal): Promise<void> {
  await using stream = new StreamEnd(link, message.subject);
  stream.accept(peer);
  const close = (): void => stream.interrupt(toSlipwayError(closing.reason));
  closing.addEventListener("abort", close);
  const call: CallContext = {
    traceparent: traceparentOf(message.headers),
    signal: AbortSignal.any([stream.signal, closing]),
  };
  try {
    const opening = decodePayload(message.data, `the opening of ${message.subject}`);
    await context.with(traceOf(message.headers), () => handler(opening as never, stream, call));
    await stream.finish();
  } catch (failure) {
    if (stream.signal.aborted && !closing.aborted) return;
    const error = toSlipwayError(closing.aborted ? closing.reason : failure);
    if (error.code === "SLIPWAY_INTERNAL")
      link.log(`messaging: serving ${message.subject}: ${(failure as Error).stack ?? error.message}`);
    await stream.finish(error);
  } finally {
    closing.removeEventListener("abort", close);
  }
}
