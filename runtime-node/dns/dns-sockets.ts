import { CONSTANTS } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { formatIpv4, ipv4Bytes } from "#kernel/netlink/ipv4.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUFFORCE = 33;
const BACKLOG = 512;
/** Queries wait here while there is no agent: some 700 of them, by the kernel's reckoning of a small packet. */
const RECEIVE_BYTES = 512 * 1024;
/** struct sockaddr_in, ip(7). */
export const SOCKET_ADDRESS_BYTES = 16;

/** The two bound sockets of a DNS server. */
export interface DnsSockets {
  udp: number;
  tcp: number;
}

export interface SocketAddress {
  /** IPv4. */
  address: string;
  port: number;
}

/** Binds both, to the same port where the kernel may choose (0). Not Node's sockets: their fds are to be handed to the next agent. */
export function openDnsSockets(kernel: Kernel, { address, port }: SocketAddress): DnsSockets {
  const tcp = bindSocket(kernel, SOCK_STREAM, { address, port });
  try {
    kernel.call("listen", tcp, BACKLOG);
    return { tcp, udp: bindSocket(kernel, SOCK_DGRAM, boundAddress(kernel, tcp)) };
  } catch (error) {
    kernel.attempt("close", tcp);
    throw error;
  }
}

/** Where a socket is bound. */
export function boundAddress(kernel: Kernel, fd: number): SocketAddress {
  const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES);
  kernel.call("getsockname", fd, bytes, lengthOf(bytes));
  return decodeAddress(bytes);
}

export function decodeAddress(bytes: Buffer): SocketAddress {
  return { address: formatIpv4(bytes.subarray(4)), port: bytes.readUInt16BE(2) };
}

/** What getsockname(2) and recvfrom(2) read the room from and write the length to. */
export function lengthOf(bytes: Buffer): Uint8Array {
  return new Uint8Array(new Int32Array([bytes.byteLength]).buffer);
}

function bindSocket(kernel: Kernel, type: number, where: SocketAddress): number {
  const fd = kernel.call("socket", AF_INET, type | CONSTANTS.O_CLOEXEC | CONSTANTS.O_NONBLOCK, 0);
  try {
    if (type === SOCK_STREAM) kernel.call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, word(1), 4);
    // Without CAP_NET_ADMIN the system's own size has to do.
    else kernel.attempt("setsockopt", fd, SOL_SOCKET, SO_RCVBUFFORCE, word(RECEIVE_BYTES), 4);
    kernel.call("bind", fd, encodeAddress(where), SOCKET_ADDRESS_BYTES);
    return fd;
  } catch (error) {
    kernel.attempt("close", fd);
    throw error;
  }
}

function encodeAddress({ address, port }: SocketAddress): Buffer {
  const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipv4Bytes(address), 4);
  return bytes;
}

const word = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);
