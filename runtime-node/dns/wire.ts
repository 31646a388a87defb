/** The DNS header (RFC 1035, 4.1.1) and what we read and write of it without a full decode. */
export const HEADER_BYTES = 12;
export const CLASSIC_UDP_BYTES = 512;
/** What we send at most over UDP: more would be fragmented (RFC 9715). */
export const LARGEST_UDP_BYTES = 1232;

export const FLAGS = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
};
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
/** RFC 1035, 3596, 6891. */
export const RECORD_TYPES = { A: 1, PTR: 12, AAAA: 28, OPT: 41 } as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

const OPCODE_MASK = 0x7800;
const RCODE_MASK = 0x000f;
const POINTER_BITS = 0xc0;
const TYPE_AND_CLASS_BYTES = 4;

export const readId = (packet: Buffer): number => packet.readUInt16BE(0);
export const readFlags = (packet: Buffer): number => packet.readUInt16BE(2);
export const readOpcode = (packet: Buffer): number => (readFlags(packet) & OPCODE_MASK) >> 11;
export const readRcode = (packet: Buffer): number => readFlags(packet) & RCODE_MASK;
export const readQuestionCount = (packet: Buffer): number => packet.readUInt16BE(4);
export const isResponse = (packet: Buffer): boolean => (readFlags(packet) & FLAGS.response) !== 0;
export const isTruncated = (packet: Buffer): boolean => (readFlags(packet) & FLAGS.truncated) !== 0;

/** A copy with another id. */
export function withId(packet: Buffer, id: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** The bytes of the first question, or undefined when there is none or they are malformed. */
export function questionBytes(packet: Buffer): Buffer | undefined {
  if (packet.byteLength < HEADER_BYTES || readQuestionCount(packet) === 0) return undefined;
  let offset = HEADER_BYTES;
  for (;;) {
    const length = packet[offset];
    // A first question has no earlier name that it could point to.
    if (length === undefined || (length & POINTER_BITS) !== 0) return undefined;
    offset += 1 + length;
    if (length === 0) break;
  }
  const end = offset + TYPE_AND_CLASS_BYTES;
  return end > packet.byteLength ? undefined : packet.subarray(HEADER_BYTES, end);
}

/** Header and question alone: an answer without records, from the query that it answers. */
export function bareAnswer(query: Buffer, flags: number, rcode: Rcode): Buffer {
  const question = questionBytes(query) ?? Buffer.alloc(0);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(readId(query), 0);
  const echoed = readFlags(query) & (OPCODE_MASK | FLAGS.recursionDesired);
  header.writeUInt16BE(FLAGS.response | FLAGS.recursionAvailable | echoed | flags | rcode, 2);
  header.writeUInt16BE(question.byteLength === 0 ? 0 : 1, 4);
  return Buffer.concat([header, question]);
}
