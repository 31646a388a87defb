import { failedWith, type Kernel } from "#kernel/kernel.ts";
import { ipv4Bytes } from "#kernel/netlink/ipv4.ts";
import { networkError } from "./errors.ts";
import { findPortHolder, type PortHolder } from "./port-holder.ts";

const AF_INET = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCKET_TYPE = { tcp: 1, udp: 2 } as const;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOCKADDR_IN_BYTES = 16;

export interface HostPort {
  hostIp: string;
  /** 0: any free one. */
  hostPort: number;
  protocol: "tcp" | "udp";
}

/**
 * A port of the host held for a container by a socket that is bound and never listens. The packets are redirected before they
 * would reach it; it is there so that a process that wants the same port is told "address in use" instead of losing its
 * traffic without a word. Without SO_REUSEADDR, which would let the next one in.
 */
export class PortReservation implements Disposable {
  readonly port: number;
  readonly #kernel: Kernel;
  readonly #fd: number;
  #held = true;

  private constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.port = boundPort(kernel, fd);
  }

  /** SLIPWAY_NETWORK_PORT_IN_USE names who has it. */
  static async hold(kernel: Kernel, wanted: HostPort): Promise<PortReservation> {
    const address = socketAddress(wanted);
    const fd = kernel.call("socket", AF_INET, SOCKET_TYPE[wanted.protocol] | SOCK_CLOEXEC, 0);
    try {
      const result = kernel.attempt("bind", fd, address, SOCKADDR_IN_BYTES);
      if (failedWith(result, "EADDRINUSE")) await bindOverRemains(kernel, fd, address, wanted);
      else if (result !== 0) throw refusal(result, wanted);
      return new PortReservation(kernel, fd);
    } catch (error) {
      kernel.attempt("close", fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    this.#kernel.attempt("close", this.#fd);
  }
}

/** When nobody is seen, connections may be in TIME_WAIT, for a minute after a server ended: SO_REUSEADDR binds beside those. */
async function bindOverRemains(kernel: Kernel, fd: number, address: Buffer, wanted: HostPort): Promise<void> {
  const holder = await findPortHolder(wanted);
  if (holder !== undefined) throw portInUse(wanted, describeHolder(holder));
  const on = Buffer.from([1, 0, 0, 0]);
  kernel.call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, on, on.byteLength);
  const result = kernel.attempt("bind", fd, address, SOCKADDR_IN_BYTES);
  if (result !== 0) throw refusal(result, wanted);
  on[0] = 0;
  kernel.call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, on, on.byteLength);
}

export function portInUse(wanted: HostPort, holder: string, remedy?: string): Error {
  const { hostIp, hostPort, protocol } = wanted;
  const message = `port ${hostPort}/${protocol} on ${hostIp} cannot be published: ${holder} has it`;
  return networkError("SLIPWAY_NETWORK_PORT_IN_USE", message, remedy === undefined ? {} : { remedy });
}

function describeHolder({ pid, command }: PortHolder): string {
  return pid === undefined ? "a process that cannot be seen from here" : `process ${pid} (${command})`;
}

function refusal(result: number, wanted: HostPort): Error {
  if (failedWith(result, "EADDRINUSE"))
    return portInUse(wanted, "another platform's published port or a closing connection");
  const { hostIp, hostPort, protocol } = wanted;
  const message = `port ${hostPort}/${protocol} cannot be published on ${hostIp}: this machine has no such IPv4 address`;
  return networkError("SLIPWAY_NETWORK_HOST_ADDRESS_UNAVAILABLE", message);
}

/** struct sockaddr_in */
function socketAddress(wanted: HostPort): Buffer {
  const address = Buffer.alloc(SOCKADDR_IN_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(wanted.hostPort, 2);
  address.set(hostAddress(wanted), 4);
  return address;
}

function hostAddress(wanted: HostPort): Buffer {
  try {
    return ipv4Bytes(wanted.hostIp);
  } catch (error) {
    const message = `port ${wanted.hostPort}/${wanted.protocol} cannot be published on ${JSON.stringify(wanted.hostIp)}: it is not an IPv4 address`;
    throw networkError("SLIPWAY_NETWORK_HOST_ADDRESS_UNAVAILABLE", message, { cause: error });
  }
}

function boundPort(kernel: Kernel, fd: number): number {
  const address = Buffer.alloc(SOCKADDR_IN_BYTES);
  const length = Buffer.from([SOCKADDR_IN_BYTES, 0, 0, 0]);
  kernel.call("getsockname", fd, address, length);
  return address.readUInt16BE(2);
}
