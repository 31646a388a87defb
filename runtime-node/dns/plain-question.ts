import { CLASSIC_UDP_BYTES, HEADER_BYTES, LARGEST_UDP_BYTES, RECORD_TYPES } from "./wire.ts";

/** QR and the opcode in the third byte of a header: an ordinary query has zeros there. */
const NO_ORDINARY_QUERY = 0xf8;
const LONGEST_LABEL_BYTES = 63;
const CLASS_IN = 1;
const TYPE_AND_CLASS_BYTES = 4;
/** An OPT record without options: the root's name, type, size, flags (4), and no data. */
const OPT_BYTES = 11;
/** A lower-case letter for each letter; itself for each digit, hyphen and underscore; 0 for what is not plain. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, code) => {
  const letter = String.fromCharCode(code);
  return /[\w-]/.test(letter) ? letter.toLowerCase().charCodeAt(0) : 0;
});
/** FNV-1a */
const HASH_START = 0x811c9dc5;
const HASH_FACTOR = 0x01000193;

/**
 * The way a resolver of a container asks: one question of class IN, its name of letters, digits, hyphens and underscores, at most an OPT
 * record without options behind it, and nothing else. One object reads packet after packet.
 */
export class PlainQuestion {
  /** Behind the name's final zero. */
  nameEnd = 0;
  type = 0;
  /** EDNS: the packet has an OPT record. */
  edns = false;
  /** The longest UDP answer that the asker takes. */
  udpBytes = CLASSIC_UDP_BYTES;
  /** Of name and type, without regard to case. */
  hash = 0;

  /** False when the packet is none; the fields then mean nothing. */
  read(bytes: Uint8Array, start: number, length: number): boolean {
    const end = start + length;
    if (length < HEADER_BYTES || !hasPlainHeader(bytes, start) || !this.#readName(bytes, start + HEADER_BYTES, end)) {
      return false;
    }
    const at = this.nameEnd;
    const questionEnd = at + TYPE_AND_CLASS_BYTES;
    this.edns = bytes[start + 11] === 1;
    if (end !== questionEnd + (this.edns ? OPT_BYTES : 0)) return false;
    if (word(bytes, at + 2) !== CLASS_IN) return false;
    this.type = word(bytes, at);
    this.hash = hashOf(this.hash, this.type);
    this.udpBytes = CLASSIC_UDP_BYTES;
    return !this.edns || this.#readOpt(bytes, questionEnd);
  }

  #readName(bytes: Uint8Array, start: number, end: number): boolean {
    let hash = HASH_START;
    let at = start;
    for (;;) {
      if (at >= end) return false;
      const labelBytes = bytes[at++]!;
      hash = hashOf(hash, labelBytes);
      if (labelBytes === 0) break;
      if (labelBytes > LONGEST_LABEL_BYTES || at + labelBytes >= end) return false;
      for (const labelEnd = at + labelBytes; at < labelEnd; at++) {
        const letter = PLAIN[bytes[at]!]!;
        if (letter === 0) return false;
        hash = hashOf(hash, letter);
      }
    }
    this.nameEnd = at;
    this.hash = hash;
    return true;
  }

  #readOpt(bytes: Uint8Array, start: number): boolean {
    if (bytes[start] !== 0 || word(bytes, start + 1) !== RECORD_TYPES.OPT || word(bytes, start + 9) !== 0) return false;
    this.udpBytes = Math.min(Math.max(word(bytes, start + 3), CLASSIC_UDP_BYTES), LARGEST_UDP_BYTES);
    return true;
  }
}

/** Whether a name on the wire, in whatever case, is this one of the same length in lower case. */
export function isSameName(bytes: Uint8Array, start: number, lowerCase: Uint8Array): boolean {
  for (let index = 0; index < lowerCase.length; index++) {
    const byte = bytes[start + index]!;
    // The lengths of labels are no plain characters, or digits and hyphens, which have no case.
    if ((PLAIN[byte]! || byte) !== lowerCase[index]) return false;
  }
  return true;
}

/** A query, with one question and at most one additional record. */
function hasPlainHeader(bytes: Uint8Array, start: number): boolean {
  return (
    (bytes[start + 2]! & NO_ORDINARY_QUERY) === 0 &&
    word(bytes, start + 4) === 1 &&
    word(bytes, start + 6) === 0 &&
    word(bytes, start + 8) === 0 &&
    word(bytes, start + 10) <= 1
  );
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
const hashOf = (hash: number, value: number): number => Math.imul(hash ^ value, HASH_FACTOR);
