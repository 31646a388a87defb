const NLMSG_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** linux/netlink.h; parsers mask it out, nf_tables and strict checking want it. */
const NLA_F_NESTED = 0x8000;
const INITIAL_BYTES = 512;

const align4 = (length: number): number => (length + 3) & ~3;

/**
 * One netlink message (netlink(7)): nlmsghdr, the family's fixed header, attributes. Numbers are host-endian (both
 * architectures are little-endian) unless the method says `be`. `purpose` says in words what is asked ("create bridge x")
 * and becomes part of an error's message.
 */
export class MessageBuilder {
  readonly purpose: string;
  readonly flags: number;
  #buffer = Buffer.alloc(INITIAL_BYTES);
  #length = NLMSG_HEADER_BYTES;

  constructor(purpose: string, type: number, flags: number, familyHeader: Uint8Array) {
    this.purpose = purpose;
    this.flags = flags;
    this.#buffer.writeUInt16LE(type, 4);
    this.#buffer.writeUInt16LE(flags, 6);
    this.#append(familyHeader);
  }

  u8(type: number, value: number): this {
    return this.bytes(type, Uint8Array.of(value));
  }

  u16(type: number, value: number): this {
    const data = Buffer.allocUnsafe(2);
    data.writeUInt16LE(value);
    return this.bytes(type, data);
  }

  u32(type: number, value: number): this {
    const data = Buffer.allocUnsafe(4);
    data.writeUInt32LE(value >>> 0);
    return this.bytes(type, data);
  }

  be32(type: number, value: number): this {
    const data = Buffer.allocUnsafe(4);
    data.writeUInt32BE(value >>> 0);
    return this.bytes(type, data);
  }

  /** NUL-terminated. */
  string(type: number, text: string): this {
    if (text.includes("\0")) throw new RangeError(`a netlink string holds a NUL byte: ${JSON.stringify(text)}`);
    return this.bytes(type, Buffer.from(`${text}\0`));
  }

  bytes(type: number, data: Uint8Array): this {
    this.#beginAttribute(type, ATTRIBUTE_HEADER_BYTES + data.byteLength);
    return this.#append(data);
  }

  /** Bytes without an attribute header: a fixed struct that leads a nested attribute (veth's ifinfomsg). */
  raw(data: Uint8Array): this {
    return this.#append(data);
  }

  nested(type: number, fill: (inner: this) => void): this {
    const start = this.#length;
    this.#beginAttribute(type | NLA_F_NESTED, 0);
    fill(this);
    const length = this.#length - start;
    // nlattr's length field is a u16: callers split long lists over several messages.
    if (length > 0xffff) throw new RangeError(`a nested netlink attribute of ${length} bytes exceeds 65535`);
    this.#buffer.writeUInt16LE(length, start);
    return this;
  }

  /** The finished message under this sequence number. */
  encode(sequence: number): Buffer {
    this.#buffer.writeUInt32LE(this.#length, 0);
    this.#buffer.writeUInt32LE(sequence, 8);
    return this.#buffer.subarray(0, this.#length);
  }

  #beginAttribute(type: number, length: number): void {
    this.#reserve(ATTRIBUTE_HEADER_BYTES);
    this.#buffer.writeUInt16LE(length, this.#length);
    this.#buffer.writeUInt16LE(type, this.#length + 2);
    this.#length += ATTRIBUTE_HEADER_BYTES;
  }

  #append(data: Uint8Array): this {
    const padded = align4(data.byteLength);
    this.#reserve(padded);
    this.#buffer.set(data, this.#length);
    this.#length += padded;
    return this;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.byteLength) return;
    const larger = Buffer.alloc(Math.max(this.#buffer.byteLength * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
