import { dnsError } from "./errors.ts";
import type { NameSource } from "./name-source.ts";
import type { Upstream, UpstreamSource } from "./resolv-conf.ts";
import { Responder } from "./responder.ts";
import { TcpListener } from "./tcp-listener.ts";
import { UdpListener } from "./udp-listener.ts";

export interface DnsServerOptions {
  /** The bridge's gateway address. */
  bindAddress: string;
  /** 53 when absent; 0 lets the kernel choose. */
  port?: number;
  /** Whose names are answered: `<project>_<network>`. */
  network: string;
  names: NameSource;
  /** Who is asked for everything else; absent for a network with no way out. */
  upstreams?: UpstreamSource;
  /** How long one upstream has for one answer; 1,500 when absent. */
  attemptTimeoutMs?: number;
  logger?: DnsLogger;
}

export interface DnsLogger {
  warn(message: string, details: Record<string, unknown>): void;
}

/** A running server. Disposal closes its sockets and gives up the queries under way. */
export interface DnsServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

const DNS_PORT = 53;

/**
 * Answers DNS over UDP and TCP for one network: its own names from a {@link NameSource}, the rest from the host's resolvers. Throws
 * SLIPWAY_DNS_ADDRESS_IN_USE or SLIPWAY_DNS_BIND_FAILED.
 */
export async function createDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { bindAddress } = options;
  await using acquired = new AsyncDisposableStack();
  const tcp = acquired.use(await bound(options, "TCP", TcpListener.bind(bindAddress, options.port ?? DNS_PORT)));
  const { port } = tcp;
  const udp = acquired.use(await bound(options, "UDP", UdpListener.bind(bindAddress, port)));
  const closing = new AbortController();
  acquired.defer(() => closing.abort());

  const responder = new Responder(responderOptions(options, port));
  tcp.serve(responder, closing.signal);
  udp.serve(responder, closing.signal);
  const resources = acquired.move();
  return { address: bindAddress, port, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function responderOptions(options: DnsServerOptions, port: number): ConstructorParameters<typeof Responder>[0] {
  const isOwn = (upstream: Upstream): boolean => upstream.address === options.bindAddress && upstream.port === port;
  return {
    network: options.network,
    names: options.names,
    onFailure: (message, error) => options.logger?.warn(message, { network: options.network, error }),
    ...(options.upstreams === undefined
      ? {}
      : { forwarding: { upstreams: options.upstreams, isOwn, ...attemptTimeout(options) } }),
  };
}

function attemptTimeout({ attemptTimeoutMs }: DnsServerOptions): { attemptTimeoutMs?: number } {
  return attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs };
}

async function bound<Listener>(options: DnsServerOptions, protocol: string, binding: Promise<Listener>): Promise<Listener> {
  try {
    return await binding;
  } catch (cause) {
    const inUse = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    const code = inUse ? "SLIPWAY_DNS_ADDRESS_IN_USE" : "SLIPWAY_DNS_BIND_FAILED";
    const where = `${options.bindAddress}, ${protocol} port ${options.port ?? DNS_PORT}`;
    throw dnsError(code, `the DNS server of network ${options.network} could not listen on ${where}`, { cause });
  }
}
