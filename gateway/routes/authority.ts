/** `host[:port]` of a request, the host in lower case and without a trailing dot. */
export interface Authority {
  host: string;
  port: number | undefined;
}

const REG_NAME = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const IP_LITERAL = /^\[[0-9a-f:.]{2,45}\]$/;

/** Parses a Host or :authority value (RFC 3986, 3.2.2, without user information and percent-encoding); undefined when it is none. */
export function parseAuthority(text: string): Authority | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const host = normalizeHost(match[1] ?? "");
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined;
  if (host.length > 253 || !(REG_NAME.test(host) || IP_LITERAL.test(host))) return undefined;
  return { host, port };
}

/** True for what a route may have as its host: a name, or `*.` and a name. It also becomes a file's name. */
export function isHostPattern(pattern: string): boolean {
  const host = pattern.startsWith("*.") ? pattern.slice(2) : pattern;
  return host.length <= 251 && (REG_NAME.test(host) || IP_LITERAL.test(host));
}

export function normalizeHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}

/** `*.example.org` for `www.example.org`; undefined for a single label. */
export function wildcardOf(host: string): string | undefined {
  const dot = host.indexOf(".");
  return dot > 0 && dot < host.length - 1 ? `*${host.slice(dot)}` : undefined;
}
