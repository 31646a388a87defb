import { readFile, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { dnsError } from "./errors.ts";

/** A resolver that the rest of the world's names are asked of. */
export interface Upstream {
  address: string;
  port: number;
}

/** The upstreams as they are now, in the order in which to try them. */
export type UpstreamSource = () => Promise<readonly Upstream[]>;

const DNS_PORT = 53;
/** resolv.conf(5): MAXNS. */
const MOST_NAMESERVERS = 3;

/** The nameservers of a resolv.conf(5); lines that are none, or no address, are passed over as libc does. */
export function parseResolvConf(text: string): Upstream[] {
  return text
    .split("\n")
    .map((line) => /^\s*nameserver\s+([^\s#;]+)/.exec(line)?.[1])
    .filter((address) => address !== undefined && isIP(address) !== 0)
    .slice(0, MOST_NAMESERVERS)
    .map((address) => ({ address: address ?? "", port: DNS_PORT }));
}

/** The host's own resolvers, read again whenever the file has changed. */
export function resolvConfUpstreams(path = "/etc/resolv.conf"): UpstreamSource {
  let known: { version: string; upstreams: readonly Upstream[] } | undefined;
  return async () => {
    try {
      const { ino, mtimeMs } = await stat(path);
      const version = `${ino} ${mtimeMs}`;
      if (known?.version !== version) known = { version, upstreams: parseResolvConf(await readFile(path, "utf8")) };
      return known.upstreams;
    } catch (cause) {
      throw dnsError("SLIPWAY_DNS_RESOLV_CONF_UNREADABLE", `the host's resolvers could not be read from ${path}`, {
        cause,
      });
    }
  };
}
