import type { RawData, WebSocket } from "ws";
import { ATTACH_CHANNEL, decodeFrame, encodeControl } from "#contracts/attach.ts";
import type { MessageStream } from "#messaging/platform.ts";
import { toProblem } from "../problem-reply.ts";

/** RFC 6455, 7.4.1. */
const CLOSE_NORMAL = 1000;
const CLOSE_FAILED = 1011;

/**
 * Forwards frames unchanged between a WebSocket and a node's stream until either side ends. Neither is read faster than the other
 * takes it. `beforeEnd` is done before the container's end (its exit, or why it could not be started) goes over.
 */
export async function bridge(socket: WebSocket, stream: MessageStream, beforeEnd: () => Promise<void>): Promise<void> {
  const incoming = forwardToNode(socket, stream);
  try {
    for await (const frame of stream.incoming) {
      if (tellsTheEnd(frame)) await beforeEnd();
      await sendFrame(socket, frame);
    }
    socket.close(CLOSE_NORMAL);
  } catch (error) {
    closeWithProblem(socket, error);
  }
  incoming.stop();
}

/** Says why in the protocol's own terms, then closes: a close frame has room for 123 bytes. */
export function closeWithProblem(socket: WebSocket, error: unknown): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(encodeControl({ type: "error", problem: toProblem(error) }), { binary: true });
  socket.close(CLOSE_FAILED);
}

function tellsTheEnd(frame: Uint8Array): boolean {
  if (frame[0] !== ATTACH_CHANNEL.control) return false;
  const decoded = decodeFrame(frame);
  return decoded.channel === "control" && (decoded.control.type === "exit" || decoded.control.type === "error");
}

/** Resolves when the frame was written to the connection: a slow client slows the container down. */
async function sendFrame(socket: WebSocket, frame: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.send(frame, { binary: true }, (error) => (error ? reject(error) : resolve()));
  });
}

function forwardToNode(socket: WebSocket, stream: MessageStream): { stop: () => void } {
  let sending = Promise.resolve();
  const onMessage = (data: RawData): void => {
    socket.pause();
    sending = sending
      .then(() => stream.send(toBytes(data)))
      .then(() => socket.resume())
      // The stream's own end is told by its incoming side.
      .catch(() => undefined);
  };
  const close = async (): Promise<void> => stream[Symbol.asyncDispose]();
  const onClose = (): void => void close().catch(() => undefined);
  socket.on("message", onMessage);
  socket.once("close", onClose);
  return {
    stop: () => {
      socket.off("message", onMessage);
      socket.off("close", onClose);
      socket.resume();
    },
  };
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
