import { ipv4Bytes, macBytes } from "../netlink/ipv4.ts";

/**
 * What a part of a set's key or a map's value holds. The kernel knows only lengths; the numbers are nft's own (its
 * datatype.h), kept with the set so that `nft list ruleset` prints values as a person writes them.
 */
export const DATA_TYPE = {
  ipv4_addr: { number: 7, bytes: 4 },
  ether_addr: { number: 9, bytes: 6 },
  inet_proto: { number: 12, bytes: 1 },
  inet_service: { number: 13, bytes: 2 },
  ifname: { number: 41, bytes: 16 },
} as const;
export type DataType = keyof typeof DATA_TYPE;

/** One value of an element; its type says how it is written. */
export type ElementValue = string | number;

const BITS_PER_TYPE = 6;
const PROTOCOL_NUMBER: Record<string, number> = { icmp: 1, tcp: 6, udp: 17 };
const WORD = 4;

/** The number under which nft keeps a concatenation of types. */
export function concatenatedTypeNumber(types: readonly DataType[]): number {
  return types.reduce((number, type) => (number << BITS_PER_TYPE) | DATA_TYPE[type].number, 0);
}

/** Bytes of a concatenation: each part fills whole 4-byte registers. */
export function concatenatedBytes(types: readonly DataType[]): number {
  if (types.length === 1) return DATA_TYPE[types[0] as DataType].bytes;
  return types.reduce((bytes, type) => bytes + Math.ceil(DATA_TYPE[type].bytes / WORD) * WORD, 0);
}

export function encodeValues(types: readonly DataType[], values: readonly ElementValue[]): Buffer {
  if (types.length !== values.length) throw new RangeError(`${types.join(" . ")} takes ${types.length} values`);
  const encoded = Buffer.alloc(concatenatedBytes(types));
  let offset = 0;
  types.forEach((type, index) => {
    encoded.set(encodeValue(type, values[index] as ElementValue), offset);
    offset += Math.ceil(DATA_TYPE[type].bytes / WORD) * WORD;
  });
  return encoded;
}

function encodeValue(type: DataType, value: ElementValue): Buffer {
  switch (type) {
    case "ipv4_addr":
      return ipv4Bytes(String(value));
    case "ether_addr":
      return macBytes(String(value));
    case "inet_proto":
      return Buffer.of(PROTOCOL_NUMBER[value] ?? Number(value));
    case "inet_service": {
      const port = Buffer.alloc(2);
      port.writeUInt16BE(Number(value));
      return port;
    }
    case "ifname":
      return interfaceNameBytes(String(value));
  }
}

/** An interface's name as nf_tables compares it: 16 bytes, NUL-padded. */
export function interfaceNameBytes(name: string): Buffer {
  const bytes = Buffer.alloc(DATA_TYPE.ifname.bytes);
  if (Buffer.byteLength(name) >= bytes.byteLength)
    throw new RangeError(`interface name ${JSON.stringify(name)} is too long`);
  bytes.write(name);
  return bytes;
}
