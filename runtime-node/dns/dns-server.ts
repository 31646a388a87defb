import { isErrno, type Kernel } from "#kernel/kernel.ts";
import { boundAddress, type DnsSockets, openDnsSockets } from "./dns-sockets.ts";
import { dnsError } from "./errors.ts";
import type { NameSource } from "./name-source.ts";
import type { Upstream, UpstreamSource } from "./resolv-conf.ts";
import { Responder } from "./responder.ts";
import { TcpListener } from "./tcp-listener.ts";
import { UdpListener } from "./udp-listener.ts";

export interface DnsServerOptions {
  kernel: Kernel;
  /** The bridge's gateway address, IPv4. */
  bindAddress: string;
  /** 53 when absent; 0 lets the kernel choose. */
  port?: number;
  /** A former server's, still bound: queries that came meanwhile wait in them. They are this server's from now on. */
  sockets?: DnsSockets | undefined;
  /** Whose names are answered: `<project>_<network>`. */
  network: string;
  names: NameSource;
  /** Who is asked for everything else; absent for a network with no way out. */
  upstreams?: UpstreamSource;
  /** How long one upstream has for one answer; 1,500 when absent. */
  attemptTimeoutMs?: number;
  logger?: DnsLogger;
  /** Told of each query that is turned away because its asker has its share of queries under way. */
  onFlood?: (askerAddress: string) => void;
}

export interface DnsLogger {
  warn(message: string, details: Record<string, unknown>): void;
}

/** A running server. Disposal closes its sockets and gives up the queries under way. */
export interface DnsServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Open until disposal; copies of them may be kept for a later server. */
  readonly sockets: DnsSockets;
}

const DNS_PORT = 53;

/**
 * Answers DNS over UDP and TCP for one network: its own names from a {@link NameSource}, the rest from the host's resolvers. Throws
 * SLIPWAY_DNS_ADDRESS_IN_USE or SLIPWAY_DNS_BIND_FAILED.
 */
export async function createDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { kernel, bindAddress } = options;
  const sockets = options.sockets ?? bind(options);
  await using acquired = new AsyncDisposableStack();
  const tcp = acquired.use(new TcpListener(sockets.tcp));
  const udp = acquired.use(new UdpListener(kernel, sockets.udp));
  const { port } = boundAddress(kernel, sockets.udp);
  const closing = new AbortController();
  acquired.defer(() => closing.abort());

  const responder = new Responder(responderOptions(options, port));
  udp.serve(responder, closing.signal);
  await tcp.serve(responder, closing.signal);
  const resources = acquired.move();
  return { address: bindAddress, port, sockets, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function responderOptions(options: DnsServerOptions, port: number): ConstructorParameters<typeof Responder>[0] {
  const isOwn = (upstream: Upstream): boolean => upstream.address === options.bindAddress && upstream.port === port;
  return {
    network: options.network,
    names: options.names,
    onFlood: options.onFlood,
    onFailure: (message, error) => options.logger?.warn(message, { network: options.network, error }),
    ...(options.upstreams === undefined
      ? {}
      : { forwarding: { upstreams: options.upstreams, isOwn, ...attemptTimeout(options) } }),
  };
}

function attemptTimeout({ attemptTimeoutMs }: DnsServerOptions): { attemptTimeoutMs?: number } {
  return attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs };
}

function bind({ kernel, network, bindAddress: address, port = DNS_PORT }: DnsServerOptions): DnsSockets {
  try {
    return openDnsSockets(kernel, { address, port });
  } catch (cause) {
    const code = isErrno(cause, "EADDRINUSE") ? "SLIPWAY_DNS_ADDRESS_IN_USE" : "SLIPWAY_DNS_BIND_FAILED";
    throw dnsError(code, `the DNS server of network ${network} could not listen on ${address}, port ${port}`, { cause });
  }
}
