/** Limits and timeouts of one gateway process. */
export interface GatewaySettings {
  /** One request's header section. */
  maxHeaderBytes: number;
  /** Open connections of one listener; further ones are closed as they come. */
  maxConnections: number;
  /** HTTP/2 streams that one connection may have open (RFC 9113, 6.5.2). */
  maxConcurrentStreams: number;
  /** Requests under way to one target; more are refused with 503. */
  maxOutstandingPerTarget: number;
  /** From the TCP connection to the end of the TLS handshake. */
  handshakeTimeoutMs: number;
  /** From the first byte of an HTTP/1.1 request to the end of its header section. */
  headersTimeoutMs: number;
  /** A client's connection without a request, HTTP/2 too. */
  keepAliveTimeoutMs: number;
  /** A request body of which nothing arrives, or a response of which the client takes nothing. */
  bodyIdleTimeoutMs: number;
  /** TCP connection to a target. */
  connectTimeoutMs: number;
  /** From the whole request being sent to the target until its response headers. */
  responseTimeoutMs: number;
  /** An idle connection to a target; shorter than the shortest keep-alive of common servers (gunicorn: 2 s), so that none closes under a request. */
  poolIdleMs: number;
  /** Targets that one safe request is tried on. */
  maxAttempts: number;
  /** How long a target that refused a connection is passed over while others are ready. */
  avoidMs: number;
  /** What requests under way get when their target drains or goes. */
  targetDrainMs: number;
  /** How long, when the gateway ends, a new connection may take to bring its first request: a client does not repeat that one. */
  unusedGraceMs: number;
  /** What requests under way get when the gateway ends. */
  shutdownDrainMs: number;
}

export const DEFAULT_SETTINGS: GatewaySettings = {
  maxHeaderBytes: 32 * 1024,
  maxConnections: 10_000,
  maxConcurrentStreams: 128,
  maxOutstandingPerTarget: 1024,
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 20_000,
  keepAliveTimeoutMs: 65_000,
  bodyIdleTimeoutMs: 60_000,
  connectTimeoutMs: 3_000,
  responseTimeoutMs: 60_000,
  poolIdleMs: 1_500,
  maxAttempts: 3,
  avoidMs: 1_000,
  targetDrainMs: 30_000,
  unusedGraceMs: 1_000,
  shutdownDrainMs: 20_000,
};
