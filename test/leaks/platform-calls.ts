import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { WebSocket } from "ws";
import { ApiClient } from "#cli/api/client.ts";
import { connectWebSocket } from "#cli/attach/connect.ts";
import { decodeFrame } from "#contracts/attach.ts";
import { homeLayout } from "#contracts/home.ts";
import { hasCode, SlipwayError } from "#contracts/slipway-error.ts";

const RETRY_MS = 50;
/** A control process that was killed is back within a second or two; on a loaded machine within ten. */
const AWAY_MS = 60_000;
/** Control is, or what it asks: nats-server, the agent. */
const AWAY = [
  "SLIPWAY_CLI_SERVER_NOT_RUNNING",
  "SLIPWAY_CLI_SERVER_GONE",
  "SLIPWAY_MESSAGING_UNAVAILABLE",
  "SLIPWAY_MESSAGING_NO_RESPONDER",
  "SLIPWAY_MESSAGING_TIMEOUT",
];

/** The API over one kept connection a lane: a process for each call would take longer than what is called. */
export class PlatformCalls implements Disposable {
  readonly api: ApiClient;
  readonly signal: AbortSignal;

  constructor(home: string, signal: AbortSignal) {
    const target = { type: "socket", path: homeLayout(home).apiSocket } as const;
    this.api = new ApiClient({ target, token: undefined, traceparent: newTraceparent() });
    this.signal = signal;
  }

  /** A call that may be made twice, through deaths of the control process. */
  async insist<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const deadline = performance.now() + AWAY_MS;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isAway(error) || performance.now() > deadline) throw error;
        await delay(RETRY_MS, undefined, { signal: this.signal });
      }
    }
  }

  /** Joins a process to its end; its exit code, or undefined when the stream broke before. */
  async join(path: readonly string[], query: Record<string, string>): Promise<number | undefined> {
    const socket = await connectWebSocket(this.api, path, query, this.signal);
    let exitCode: number | undefined;
    let problem: SlipwayError | undefined;
    socket.on("message", (data: Buffer) => {
      const frame = decodeFrame(data);
      if (frame.channel !== "control") return;
      if (frame.control.type === "exit") exitCode = frame.control.exitCode;
      if (frame.control.type === "error") problem = SlipwayError.fromProblem(frame.control.problem);
    });
    socket.resume();
    await untilClosed(socket);
    if (problem !== undefined) throw problem;
    return exitCode;
  }

  [Symbol.dispose](): void {
    this.api[Symbol.dispose]();
  }
}

export const isAway = (error: unknown): boolean => hasCode(error, ...AWAY);
export const isNotFound = (error: unknown): boolean => error instanceof SlipwayError && error.status === 404;

/** W3C Trace Context, not sampled. */
const newTraceparent = (): string => `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`;

async function untilClosed(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return;
  socket.on("error", () => {});
  await once(socket, "close");
}
