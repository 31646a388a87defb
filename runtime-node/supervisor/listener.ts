import { CONSTANTS } from "#kernel/constants.ts";
import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { type ProcessIdentity, takeFd } from "#kernel/take-fd.ts";
import { serverError } from "./errors.ts";

const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ACCEPTCONN = 30;
const SOCKADDR_IN6_BYTES = 28;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const BACKLOG = 4096;
const ONE = Buffer.from(new Int32Array([1]).buffer);
const ZERO = Buffer.from(new Int32Array([0]).buffer);

/**
 * A listening TCP socket on every address, IPv4 and IPv6, that this process never accepts from: the gateway inherits it, and
 * while a gateway restarts connections wait in its backlog. Close it with close(2).
 */
export function openListener(kernel: Kernel, port: number): number {
  const fd = kernel.call("socket", AF_INET6, SOCK_STREAM | CONSTANTS.O_CLOEXEC | CONSTANTS.O_NONBLOCK, 0);
  try {
    kernel.call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, ONE, ONE.byteLength);
    kernel.call("setsockopt", fd, IPPROTO_IPV6, IPV6_V6ONLY, ZERO, ZERO.byteLength);
    // struct sockaddr_in6, ipv6(7): the unspecified address.
    const address = Buffer.alloc(SOCKADDR_IN6_BYTES);
    address.writeUInt16LE(AF_INET6, 0);
    address.writeUInt16BE(port, 2);
    kernel.call("bind", fd, address, address.byteLength);
    kernel.call("listen", fd, BACKLOG);
    return fd;
  } catch (cause) {
    kernel.attempt("close", fd);
    if (!isErrno(cause, "EADDRINUSE")) throw cause;
    throw serverError("SLIPWAY_SERVER_PORT_IN_USE", `port ${port} is in use by another program`, { cause });
  }
}

/**
 * The listening socket that a gateway has as one of its fds: connections go on waiting in its backlog while that one ends. Undefined when
 * it has none that listens on the port (any more).
 */
export function takeListener(kernel: Kernel, gateway: ProcessIdentity, fd: number, port: number): number | undefined {
  let taken: number;
  try {
    taken = takeFd(kernel, gateway, fd);
  } catch {
    return undefined;
  }
  const listens = Buffer.alloc(4);
  const size = (bytes: number): Buffer => Buffer.from(new Int32Array([bytes]).buffer);
  const address = Buffer.alloc(SOCKADDR_IN6_BYTES);
  const isListener =
    kernel.attempt("getsockopt", taken, SOL_SOCKET, SO_ACCEPTCONN, listens, size(4)) === 0 &&
    listens.readInt32LE(0) === 1 &&
    kernel.attempt("getsockname", taken, address, size(SOCKADDR_IN6_BYTES)) === 0 &&
    address.readUInt16BE(2) === port;
  if (isListener) return taken;
  kernel.attempt("close", taken);
  return undefined;
}
