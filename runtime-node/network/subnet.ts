import { formatIpv4, ipv4Bytes } from "#kernel/netlink/ipv4.ts";

/** An IPv4 range; `base` is its lowest address as a number. */
export interface Subnet {
  base: number;
  prefixLength: number;
}

/** Parses `10.83.4.0/24`; bits past the prefix are cleared. Throws a RangeError for anything else. */
export function parseSubnet(text: string): Subnet {
  const [address = "", length = ""] = text.split("/");
  const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : -1;
  if (prefixLength < 0 || prefixLength > 32) throw new RangeError(`${JSON.stringify(text)} is not an IPv4 range`);
  return { base: mask(addressNumber(address), prefixLength), prefixLength };
}

export function formatSubnet({ base, prefixLength }: Subnet): string {
  return `${formatAddress(base)}/${prefixLength}`;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  const shorter = Math.min(a.prefixLength, b.prefixLength);
  return mask(a.base, shorter) === mask(b.base, shorter);
}

export function contains(subnet: Subnet, address: string): boolean {
  return overlaps(subnet, { base: addressNumber(address), prefixLength: 32 });
}

/** The address `offset` places above the range's lowest. */
export function addressAt(subnet: Subnet, offset: number): string {
  return formatAddress(subnet.base + offset);
}

/** How many places above the range's lowest an address of it stands. */
export function offsetOf(subnet: Subnet, address: string): number {
  return addressNumber(address) - subnet.base;
}

function addressNumber(address: string): number {
  return ipv4Bytes(address).readUInt32BE();
}

function formatAddress(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return formatIpv4(bytes);
}

function mask(address: number, prefixLength: number): number {
  const hostBits = 2 ** (32 - prefixLength);
  return Math.floor(address / hostBits) * hostBits;
}
