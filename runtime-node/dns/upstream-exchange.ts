import { randomInt } from "node:crypto";
import { type Socket as UdpSocket, createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Upstream } from "./resolv-conf.ts";
import { frame, readFrames } from "./tcp-frames.ts";
import { isResponse, questionBytes, readId, withId } from "./wire.ts";

/**
 * Asks one upstream over UDP, with an id and a source port that nobody can foresee (RFC 5452); what arrives and is not the answer to this
 * very question is passed over. Returns the answer with the query's own id. Rejects with the signal's reason when it aborts.
 */
export async function askOverUdp(upstream: Upstream, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  const asked = withId(query, randomInt(0x10000));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket(isIPv6(upstream.address) ? "udp6" : "udp4");
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.on("error", reject);
  socket.on("message", (message) => {
    if (answers(message, asked)) resolve(withId(message, readId(query)));
  });
  // A connected socket takes packets from this upstream only, and learns at once when nobody listens there (ECONNREFUSED).
  socket.once("connect", () => socket.send(asked, (error) => (error === null ? undefined : reject(error))));
  socket.connect(upstream.port, upstream.address);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await closeUdp(socket);
  }
}

/** Asks one upstream over TCP, for answers that do not fit a datagram. Otherwise as {@link askOverUdp}. */
export async function askOverTcp(upstream: Upstream, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  const asked = withId(query, randomInt(0x10000));
  const socket = connect({ host: upstream.address, port: upstream.port, signal });
  try {
    socket.write(frame(asked));
    for await (const message of readFrames(socket)) {
      if (answers(message, asked)) return withId(message, readId(query));
    }
    throw new Error(`${upstream.address} closed the connection without an answer`);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Same id, same question: names are compared without regard to case, as a resolver may have changed it. */
function answers(message: Buffer, asked: Buffer): boolean {
  const [theirs, ours] = [questionBytes(message), questionBytes(asked)];
  if (theirs === undefined || ours === undefined) return false;
  return isResponse(message) && readId(message) === readId(asked) && lowerCase(theirs) === lowerCase(ours);
}

const lowerCase = (bytes: Buffer): string => bytes.toString("latin1").toLowerCase();

async function closeUdp(socket: UdpSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.close(() => resolve());
  });
}
