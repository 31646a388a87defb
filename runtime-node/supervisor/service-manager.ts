import type { Kernel } from "#kernel/kernel.ts";

/** Linux's numbers, the same on x86-64 and arm64: socket(2), send(2), unix(7). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const LONGEST_PATH = 107;

export type ServiceState =
  | { type: "ready"; status: string }
  /** On the way down: what follows is no crash. */
  | { type: "stopping"; status: string };

/**
 * Tells systemd how the server is, sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. Without one (started by a
 * person) it tells nobody; that it could not be told must not end a server that is well.
 */
export function notifyServiceManager(kernel: Kernel, state: ServiceState, socketPath = process.env["NOTIFY_SOCKET"]): void {
  if (socketPath === undefined || !/^[/@]/.test(socketPath) || Buffer.byteLength(socketPath) > LONGEST_PATH) return;
  const message = Buffer.from(`${state.type === "ready" ? "READY=1" : "STOPPING=1"}\nSTATUS=${state.status}\n`);
  const address = socketAddress(socketPath);
  const socket = kernel.attempt("socket", AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const sent = kernel.attempt("sendto", socket, message, message.byteLength, MSG_NOSIGNAL, address, address.byteLength);
  kernel.attempt("close", socket);
  if (sent < 0) console.error(`slipway: ${socketPath} does not take "${state.type}" (errno ${-sent})`);
}

/** struct sockaddr_un; a leading @ stands for the NUL of an abstract name. */
function socketAddress(path: string): Buffer {
  const name = path.startsWith("@") ? Buffer.from(`\0${path.slice(1)}`) : Buffer.from(`${path}\0`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
