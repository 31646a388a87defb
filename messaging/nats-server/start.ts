import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { messagingError } from "../errors.ts";
import type { PreparedNatsServer } from "./prepare.ts";
import { waitUntilServerGreets } from "./readiness.ts";

const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
/** Of nats-server's own output, the end is what an error shows. */
const KEPT_OUTPUT_BYTES = 4096;

/** A running nats-server. Disposal ends it: SIGTERM, then SIGKILL when it takes longer than 5 seconds. */
export interface NatsServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** Settles when the process has ended, however it did. */
  readonly exited: Promise<void>;
  /** kill -9, as a crash would. */
  crash(): Promise<void>;
}

/** Runs a prepared nats-server as a child of this process and resolves when it takes connections. */
export async function startNatsServer(
  prepared: PreparedNatsServer,
  options: { signal?: AbortSignal } = {},
): Promise<NatsServerProcess> {
  const child = spawn(prepared.command, prepared.args, { stdio: ["ignore", "ignore", "pipe"] });
  const output = keepEnd(child);
  const exited = once(child, "close").then(() => undefined);
  try {
    await waitUntilReady(child, prepared, exited, options.signal);
  } catch (cause) {
    await stop(child, exited);
    options.signal?.throwIfAborted();
    throw messagingError("SLIPWAY_MESSAGING_SERVER_FAILED", `nats-server did not come up on ${prepared.url}: ${output()}`, {
      cause,
    });
  }
  return {
    pid: child.pid!,
    url: prepared.url,
    exited,
    crash: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    [Symbol.asyncDispose]: () => stop(child, exited),
  };
}

async function waitUntilReady(
  child: ChildProcess,
  { url, serverName }: PreparedNatsServer,
  exited: Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const gaveUp = new AbortController();
  const deadline = AbortSignal.timeout(READY_TIMEOUT_MS);
  const waiting = AbortSignal.any([gaveUp.signal, deadline, ...(signal ? [signal] : [])]);
  const ended = exited.then(() => gaveUp.abort(new Error(`it ended with ${child.exitCode ?? child.signalCode}`)));
  ended.catch((error: unknown) => gaveUp.abort(error));
  await waitUntilServerGreets({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), serverName }, waiting);
}

async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited.finally(() => clearTimeout(impatience));
}

function keepEnd(child: ChildProcess): () => string {
  let kept = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    kept = (kept + text).slice(-KEPT_OUTPUT_BYTES);
  });
  return () => kept.trim();
}
