import type { BytePath } from "./byte-path.ts";
import { corrupt } from "./tar-error.ts";

const XATTR_PREFIX = "SCHILY.xattr.";
const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** What a pax extended header (POSIX.1-2017, pax) says of the entry after it. */
export interface PaxAttributes {
  path?: BytePath;
  linkPath?: BytePath;
  size?: number;
  uid?: number;
  gid?: number;
  /** Seconds since 1970, with a fraction. */
  mtime?: number;
  /** Their values are bytes: a file capability is no UTF-8. */
  xattrs?: Map<string, Buffer>;
}

/** Decodes the records `<length> <key>=<value>\n` over what `inherited` says already. */
export function decodePaxRecords(data: Buffer, inherited: PaxAttributes = {}): PaxAttributes {
  const attributes: PaxAttributes = { ...inherited };
  if (inherited.xattrs !== undefined) attributes.xattrs = new Map(inherited.xattrs);
  for (let offset = 0; offset < data.byteLength;) {
    const space = data.indexOf(SPACE, offset);
    const length = space === -1 || space - offset > 10 ? Number.NaN : Number(data.toString("latin1", offset, space));
    const end = offset + length;
    const equals = data.indexOf(EQUALS, space);
    const isWhole = Number.isInteger(length) && equals > space && equals < end && data[end - 1] === NEWLINE;
    if (!isWhole) throw corrupt("a pax header's record is broken");
    apply(attributes, data.toString("latin1", space + 1, equals), data.subarray(equals + 1, end - 1));
    offset = end;
  }
  return attributes;
}

function apply(attributes: PaxAttributes, key: string, value: Buffer): void {
  if (key.startsWith(XATTR_PREFIX)) {
    // A copy: the chunk that it points into is used again.
    (attributes.xattrs ??= new Map()).set(key.slice(XATTR_PREFIX.length), Buffer.from(value));
    return;
  }
  if (key.startsWith("GNU.sparse.")) throw corrupt("it holds a sparse file, which a layer may not");
  const text = value.toString("latin1");
  if (key === "path") attributes.path = text;
  else if (key === "linkpath") attributes.linkPath = text;
  else if (key === "size") attributes.size = decimal(text);
  else if (key === "uid") attributes.uid = decimal(text);
  else if (key === "gid") attributes.gid = decimal(text);
  else if (key === "mtime") attributes.mtime = Number(text);
}

function decimal(text: string): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw corrupt("a pax header's number is not one");
  return value;
}
