import { formatMac, ipv4Bytes } from "#kernel/netlink/ipv4.ts";

/**
 * Every interface of a platform begins with `sw` and the home's hash, so that one look at the links tells what is ours. The
 * rest comes from the address, which is unique on a machine and fits the kernel's 15 bytes; a hash of an instance's id would not.
 */
export const interfacePrefix = (hash: string): string => `sw${hash}`;

/** `sw1f3a9c07b4` for 10.83.4.0/24. */
export function bridgeName(hash: string, gateway: string): string {
  return `${interfacePrefix(hash)}b${ipv4Bytes(gateway)[2]}`;
}

/** What the names of all containers' host interfaces begin with. */
export const hostInterfacePrefix = (hash: string): string => `${interfacePrefix(hash)}v`;

/** `sw1f3a9c07v0405` for 10.83.4.5: the host's end of a container's veth pair. */
export function hostInterfaceName(hash: string, address: string): string {
  return `${hostInterfacePrefix(hash)}${ipv4Bytes(address).toString("hex", 2)}`;
}

/** Holds the messaging address. */
export const platformInterfaceName = (hash: string): string => `${interfacePrefix(hash)}p`;

/**
 * A locally administered MAC that follows the address: an instance that comes back under its address comes back under its
 * MAC, and nobody's neighbour cache is wrong.
 */
export function macFor(address: string): string {
  return formatMac(Buffer.concat([Buffer.of(0x02, 0x53), ipv4Bytes(address)]));
}
