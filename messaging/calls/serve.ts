import { context } from "@opentelemetry/api";
import { headers as makeHeaders, type Msg, type Subscription } from "@nats-io/transport-node";
import { type SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import { Deadline } from "../connection/deadline.ts";
import type { Link } from "../connection/link.ts";
import { messagingError } from "../errors.ts";
import type { CallContext, ServeOptions } from "../platform.ts";
import { DEFAULT_CALL_TIMEOUT_MS, PROBLEM_HEADER, TIMEOUT_HEADER } from "./call-headers.ts";
import { decodePayload, encodePayload, requirePayloadFits } from "./json-payload.ts";
import { RunningCalls } from "./running-calls.ts";
import { traceOf, traceparentOf } from "./trace-headers.ts";

type Handler = (request: never, call: CallContext) => Promise<unknown>;

/** Answers requests until disposed; disposal aborts the handlers that run and waits for them. */
export function serve(link: Link, subject: string, handler: Handler, options: ServeOptions = {}): AsyncDisposable {
  const running = new RunningCalls();
  const subscription: Subscription = link.connection.subscribe(subject, {
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    callback: (error, message) => {
      if (error !== null) link.log(`messaging: serving ${subject}: ${error.message}`);
      else running.add(answer(link, message, handler, running.closing, options.undecoded ?? false));
    },
  });
  return {
    [Symbol.asyncDispose]: async () => {
      subscription.unsubscribe();
      await running.close();
    },
  };
}

async function answer(link: Link, message: Msg, handler: Handler, closing: AbortSignal, undecoded: boolean): Promise<void> {
  using deadline = new Deadline(Number(message.headers?.get(TIMEOUT_HEADER)) || DEFAULT_CALL_TIMEOUT_MS);
  const signal = AbortSignal.any([deadline.signal, closing]);
  const call: CallContext = { traceparent: traceparentOf(message.headers), signal };
  try {
    const request = undecoded ? message.data : decodePayload(message.data, `the request to ${message.subject}`);
    const value = await context.with(traceOf(message.headers), () => handler(request as never, call));
    const payload = encodePayload(value);
    requirePayloadFits(payload, link.connection.info?.max_payload, `the answer from ${message.subject}`);
    message.respond(payload);
  } catch (failure) {
    const error = closing.aborted ? closed(message.subject, failure) : toSlipwayError(failure);
    if (error.code === "SLIPWAY_INTERNAL")
      link.log(`messaging: serving ${message.subject}: ${error.stack}\n${(failure as Error).stack ?? ""}`);
    respondProblem(message, error);
  }
}

function respondProblem(message: Msg, error: SlipwayError): void {
  const headers = makeHeaders();
  headers.set(PROBLEM_HEADER, error.code);
  message.respond(encodePayload(error.toProblem()), { headers });
}

const closed = (subject: string, cause: unknown): SlipwayError =>
  messagingError("SLIPWAY_MESSAGING_UNAVAILABLE", `who answered ${subject} is stopping`, { cause });
