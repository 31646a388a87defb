import type { AddressInfo, Server } from "node:net";
import { gatewayError } from "../errors.ts";

/** A socket to listen on: one that the supervisor holds and passes as a file descriptor, or a port of our own (0: any free one). */
export type ListenOn = { fd: number } | { port: number; host?: string };

/** Connections that may wait to be accepted; node would make it 511, of an inherited socket too. */
const BACKLOG = 4096;

/** Starts a server listening; throws SLIPWAY_GATEWAY_LISTEN_FAILED. Returns the port. */
export async function listen(server: Server, on: ListenOn): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(on, BACKLOG, resolve);
  try {
    await promise;
  } catch (cause) {
    const where = "fd" in on ? `the inherited socket ${on.fd}` : `port ${on.port}`;
    throw gatewayError("SLIPWAY_GATEWAY_LISTEN_FAILED", `the gateway cannot listen on ${where}`, { cause });
  } finally {
    server.off("error", reject);
  }
  return (server.address() as AddressInfo).port;
}
