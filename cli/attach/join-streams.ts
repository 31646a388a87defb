import type { WebSocket } from "ws";
import { ATTACH_CHANNEL, type AttachControl, decodeFrame, encodeControl, encodeFrame } from "#contracts/attach.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";
import type { ForwardedSignals } from "./forwarded-signals.ts";
import { type Terminal, write } from "../output/terminal.ts";

export interface JoinOptions {
  socket: WebSocket;
  terminal: Terminal;
  /** Forward our stdin; otherwise the process has none. */
  interactive: boolean;
  signals: ForwardedSignals;
}

/**
 * Joins our standard streams and signals to a container's process, until it ends; resolves to its exit code.
 * @throws the problem that the server sent, when the process could not be started; a QuietExit when a signal came before it was
 */
export async function joinStreams(options: JoinOptions): Promise<number> {
  const { socket, terminal, interactive } = options;
  const stop = new AbortController();
  const sending = interactive ? forwardStdin(socket, terminal, stop.signal) : Promise.resolve();
  try {
    return await receive(options);
  } finally {
    stop.abort();
    socket.close();
    await sending;
  }
}

async function receive({ socket, terminal, signals }: JoinOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const handle = async (data: Buffer): Promise<void> => {
    const frame = decodeFrame(data);
    if (frame.channel === "control") return handleControl(frame.control, resolve);
    if (frame.channel === "stdin") return;
    // Its first words may come before the news that it runs: from here on a signal is its own.
    startForwarding();
    await write(terminal[frame.channel], frame.payload);
  };
  const startForwarding = (): void =>
    signals.forwardTo((signal) => void send(socket, encodeControl({ type: "signal", signal })));
  const handleControl = (control: AttachControl, exit: (code: number) => void): void => {
    if (control.type === "error") throw SlipwayError.fromProblem(control.problem);
    if (control.type === "exit") exit(control.exitCode);
    if (control.type === "started") startForwarding();
  };
  let handling = Promise.resolve();
  socket.on("message", (data: Buffer) => {
    // One frame after the other, and none is read while our reader is slow: the container then waits, not our memory.
    socket.pause();
    handling = handling.then(() => handle(data)).then(() => socket.resume(), reject);
  });
  socket.on("close", () => void handling.then(() => reject(lost())));
  socket.on("error", (cause) => reject(lost(cause)));
  signals.cancelled.addEventListener("abort", () => reject(signals.cancelled.reason as Error));
  signals.cancelled.throwIfAborted();
  socket.resume();
  return promise;
}

async function forwardStdin(socket: WebSocket, { stdin }: Terminal, signal: AbortSignal): Promise<void> {
  const stop = (): void => void stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of stdin) await send(socket, encodeFrame(ATTACH_CHANNEL.stdin, chunk as Buffer));
    await send(socket, encodeControl({ type: "stdin-end" }));
  } catch {
    // Our end of it was destroyed above, or was unreadable from the start: the container's stdin ends all the same.
    await send(socket, encodeControl({ type: "stdin-end" }));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Resolves when the frame is on its way, or will never be: what follows learns that from the socket's end. */
async function send(socket: WebSocket, frame: Uint8Array): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  await new Promise<void>((resolve) => socket.send(frame, () => resolve()));
}

function lost(cause?: Error): SlipwayError {
  return cliError("SLIPWAY_CLI_SERVER_GONE", "the server ended the stream before the process ended", { cause });
}
