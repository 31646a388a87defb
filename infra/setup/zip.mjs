import { inflateRawSync } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads one file out of a zip archive (PKWARE APPNOTE 6.3: 4.3.7, 4.3.12, 4.3.16; no zip64, no encryption).
 * @param {Buffer} archive
 * @param {(name: string) => boolean} wanted
 * @returns {Buffer | undefined} undefined when no entry's name is wanted
 */
export function readZipEntry(archive, wanted) {
  for (const entry of directoryEntries(archive)) {
    if (wanted(entry.name)) return contentOf(archive, entry);
  }
  return undefined;
}

/** @param {Buffer} archive */
function* directoryEntries(archive) {
  const end = endOfDirectory(archive);
  const count = archive.readUInt16LE(end + 10);
  let offset = archive.readUInt32LE(end + 16);
  for (let index = 0; index < count; index += 1) {
    if (archive.readUInt32LE(offset) !== DIRECTORY_ENTRY) throw new RangeError(`no directory entry at byte ${offset}`);
    const nameBytes = archive.readUInt16LE(offset + 28);
    yield {
      name: archive.toString("utf8", offset + 46, offset + 46 + nameBytes),
      method: archive.readUInt16LE(offset + 10),
      compressedBytes: archive.readUInt32LE(offset + 20),
      bytes: archive.readUInt32LE(offset + 24),
      headerOffset: archive.readUInt32LE(offset + 42),
    };
    offset += 46 + nameBytes + archive.readUInt16LE(offset + 30) + archive.readUInt16LE(offset + 32);
  }
}

/** @param {Buffer} archive */
function endOfDirectory(archive) {
  const earliest = Math.max(0, archive.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let offset = archive.length - END_BYTES; offset >= earliest; offset -= 1) {
    if (archive.readUInt32LE(offset) === END_OF_DIRECTORY) return offset;
  }
  throw new RangeError(`no zip archive: its end-of-directory record is missing in ${archive.length} bytes`);
}

/**
 * @param {Buffer} archive
 * @param {{ name: string, method: number, compressedBytes: number, bytes: number, headerOffset: number }} entry
 */
function contentOf(archive, { name, method, compressedBytes, bytes, headerOffset }) {
  if (archive.readUInt32LE(headerOffset) !== LOCAL_HEADER) throw new RangeError(`no local header at ${headerOffset}`);
  const start = headerOffset + 30 + archive.readUInt16LE(headerOffset + 26) + archive.readUInt16LE(headerOffset + 28);
  const compressed = archive.subarray(start, start + compressedBytes);
  if (method !== STORED && method !== DEFLATED) throw new RangeError(`${name} is compressed by method ${method}`);
  const content = method === STORED ? Buffer.from(compressed) : inflateRawSync(compressed, { maxOutputLength: bytes });
  if (content.length !== bytes) throw new RangeError(`${name} has ${content.length} bytes, its entry says ${bytes}`);
  return content;
}
