const NLMSG_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** NLA_TYPE_MASK: the type without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

/** A received message: its nlmsghdr's fields and what follows it. */
export interface NetlinkMessage {
  type: number;
  flags: number;
  sequence: number;
  payload: Buffer;
}

/** Splits a datagram into its messages; throws a RangeError where a length climbs out of the datagram. */
export function parseMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset + NLMSG_HEADER_BYTES <= datagram.byteLength) {
    const length = datagram.readUInt32LE(offset);
    if (length < NLMSG_HEADER_BYTES || offset + length > datagram.byteLength) {
      throw new RangeError(`a netlink message of ${length} bytes stands at ${offset} of ${datagram.byteLength}`);
    }
    messages.push({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + NLMSG_HEADER_BYTES, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return messages;
}

/** The attributes of a message or of a nested attribute, by type; the last of a type wins. */
export class Attributes {
  readonly #byType = new Map<number, Buffer>();

  constructor(data: Buffer) {
    for (const [type, value] of attributeList(data)) this.#byType.set(type, value);
  }

  bytes(type: number): Buffer | undefined {
    return this.#byType.get(type);
  }

  u8(type: number): number | undefined {
    return this.#sized(type, 1)?.readUInt8();
  }

  u16(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16LE();
  }

  u32(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32LE();
  }

  be32(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32BE();
  }

  string(type: number): string | undefined {
    const value = this.#byType.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return value.toString("utf8", 0, end < 0 ? value.byteLength : end);
  }

  /** Empty when the attribute is not there. */
  nested(type: number): Attributes {
    return new Attributes(this.#byType.get(type) ?? Buffer.alloc(0));
  }

  #sized(type: number, bytes: number): Buffer | undefined {
    const value = this.#byType.get(type);
    if (value !== undefined && value.byteLength < bytes) {
      throw new RangeError(`netlink attribute ${type} has ${value.byteLength} bytes of ${bytes}`);
    }
    return value;
  }
}

/** Attributes in their order, for lists whose members share a type. */
export function attributeList(data: Buffer): [type: number, value: Buffer][] {
  const list: [number, Buffer][] = [];
  let offset = 0;
  while (offset + ATTRIBUTE_HEADER_BYTES <= data.byteLength) {
    const length = data.readUInt16LE(offset);
    if (length < ATTRIBUTE_HEADER_BYTES || offset + length > data.byteLength) {
      throw new RangeError(`a netlink attribute of ${length} bytes stands at ${offset} of ${data.byteLength}`);
    }
    const type = data.readUInt16LE(offset + 2) & TYPE_MASK;
    list.push([type, data.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length)]);
    offset += (length + 3) & ~3;
  }
  return list;
}
