import { corrupt } from "./tar-error.ts";
import type { BytePath } from "./byte-path.ts";

export const BLOCK_BYTES = 512;
/** Where the fields of a ustar header lie (POSIX.1-2017, pax, "ustar Interchange Format"). */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  linkName: [157, 100],
  magic: [257, 6],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;
const TYPE_OFFSET = 156;
const SPACE = 0x20;

export interface TarHeader {
  /** The type flag's character. */
  type: string;
  name: BytePath;
  linkName: BytePath;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  deviceMajor: number;
  deviceMinor: number;
}

/** Decodes one header block; undefined for a block of zeros, which ends an archive. */
export function decodeTarHeader(block: Buffer): TarHeader | undefined {
  const sum = checksum(block);
  if (sum === SPACE * 8 && block[0] === 0) return undefined;
  if (sum !== number(block, FIELD.checksum)) throw corrupt("a header's checksum is wrong");
  const isUstar = text(block, FIELD.magic) === "ustar";
  const prefix = isUstar ? text(block, FIELD.prefix) : "";
  const name = text(block, FIELD.name);
  return {
    type: block[TYPE_OFFSET] === 0 ? "0" : String.fromCharCode(block[TYPE_OFFSET] ?? 0),
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, FIELD.linkName),
    mode: number(block, FIELD.mode),
    uid: number(block, FIELD.uid),
    gid: number(block, FIELD.gid),
    size: number(block, FIELD.size),
    mtime: number(block, FIELD.mtime),
    deviceMajor: number(block, FIELD.deviceMajor),
    deviceMinor: number(block, FIELD.deviceMinor),
  };
}

/** The sum of the header's bytes with the checksum's own field read as spaces. */
function checksum(block: Buffer): number {
  const [start, length] = FIELD.checksum;
  let sum = SPACE * length;
  for (let index = 0; index < start; index++) sum += block[index] as number;
  for (let index = start + length; index < BLOCK_BYTES; index++) sum += block[index] as number;
  return sum;
}

function text(block: Buffer, [start, length]: readonly [number, number]): BytePath {
  const end = block.indexOf(0, start);
  return block.toString("latin1", start, end === -1 || end > start + length ? start + length : end);
}

/** Octal digits, or GNU's base 256 when the first bit is set. */
function number(block: Buffer, [start, length]: readonly [number, number]): number {
  const first = block[start] as number;
  if (first & 0x80) return base256(block.subarray(start, start + length));
  const digits = text(block, [start, length]).trim();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw corrupt("a header's number is not octal");
  return Number.parseInt(digits, 8);
}

function base256(field: Buffer): number {
  const isNegative = field[0] === 0xff;
  if (!isNegative && field[0] !== 0x80) throw corrupt("a header's number is too large");
  let value = 0;
  for (const byte of field.subarray(1)) value = value * 256 + (isNegative ? 0xff - byte : byte);
  if (!Number.isSafeInteger(value)) throw corrupt("a header's number is too large");
  return isNegative ? -value - 1 : value;
}
