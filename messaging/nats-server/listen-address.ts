import { BlockList, isIP } from "node:net";
import { messagingError } from "../errors.ts";

const PRIVATE = new BlockList();
// RFC 1122 loopback, RFC 1918 private, RFC 3927 link-local, RFC 6598 shared; RFC 4291 loopback and link-local, RFC 4193 ULA.
PRIVATE.addSubnet("127.0.0.0", 8);
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);
PRIVATE.addSubnet("169.254.0.0", 16);
PRIVATE.addSubnet("100.64.0.0", 10);
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");

/** Refuses an address that the world could reach: messaging is for this machine's containers and processes. */
export function requirePrivateAddress(address: string): void {
  const family = isIP(address);
  if (family !== 0 && PRIVATE.check(address, family === 4 ? "ipv4" : "ipv6")) return;
  throw messagingError(
    "SLIPWAY_MESSAGING_ADDRESS_PUBLIC",
    family === 0
      ? `nats-server was to listen on ${JSON.stringify(address)}, which is not an IP address`
      : `nats-server was to listen on ${address}, which is not a private address`,
  );
}

export function serverUrl(address: string, port: number): string {
  return isIP(address) === 6 ? `nats://[${address}]:${port}` : `nats://${address}:${port}`;
}
