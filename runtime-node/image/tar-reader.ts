import type { BytePath } from "./byte-path.ts";
import { decodePaxRecords, type PaxAttributes } from "./pax-records.ts";
import { corrupt } from "./tar-error.ts";
import { BLOCK_BYTES, decodeTarHeader, type TarHeader } from "./tar-header.ts";

/** Long names and pax headers are held in memory: more than this is an attack. */
const EXTENSION_MAX_BYTES = 1024 * 1024;

export type TarEntryType = "file" | "link" | "symlink" | "character-device" | "block-device" | "directory" | "fifo";

const ENTRY_TYPES: Record<string, TarEntryType> = {
  "0": "file",
  "1": "link",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  "7": "file",
};

export interface TarEntry extends Omit<TarHeader, "type"> {
  type: TarEntryType;
  xattrs: Map<string, Buffer> | undefined;
}

/** Called in the archive's order: `entry`, then `data` until `size` bytes are there, then `end`. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  data(chunk: Buffer): void;
  end(): void;
}

type Extension = { type: string; data: Buffer; filled: number };

/**
 * Reads a tar archive (ustar, pax, GNU long names) from chunks, synchronously. It is our own because a layer's extended
 * attributes are bytes, which the parsers of the ecosystem decode as UTF-8 and so destroy, and because no stream object per
 * entry stands between the archive and the disk.
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockFilled = 0;
  #inEntry = false;
  #extension: Extension | undefined;
  #remaining = 0;
  #padding = 0;
  #ended = false;
  #pax: PaxAttributes | undefined;
  #globalPax: PaxAttributes = {};
  #longName: BytePath | undefined;
  #longLink: BytePath | undefined;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  write(chunk: Buffer): void {
    let offset = 0;
    // What stands after the archive's end is padding, of any content.
    while (offset < chunk.byteLength && !this.#ended) {
      if (this.#remaining > 0) offset = this.#readContent(chunk, offset);
      else if (this.#padding > 0) offset = this.#skipPadding(chunk, offset);
      else offset = this.#readHeader(chunk, offset);
    }
  }

  /** To be called after the last chunk: throws when the archive stops in the middle of something. */
  end(): void {
    // The last block may lack its padding: umoci leaves it out, and what the entry holds is there.
    const isBetween = this.#remaining === 0 && this.#blockFilled === 0 && !this.#hasExtension();
    if (!this.#ended && !isBetween) throw corrupt("it ends in the middle of an entry");
  }

  #hasExtension(): boolean {
    return this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  #readContent(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.byteLength, offset + this.#remaining);
    const piece = chunk.subarray(offset, end);
    this.#remaining -= piece.byteLength;
    const extension = this.#extension;
    if (extension === undefined) this.#handler.data(piece);
    else extension.filled += piece.copy(extension.data, extension.filled);
    if (this.#remaining === 0) this.#endContent();
    return end;
  }

  #endContent(): void {
    if (this.#extension !== undefined) this.#takeExtension(this.#extension);
    else if (this.#inEntry) this.#handler.end();
    this.#extension = undefined;
    this.#inEntry = false;
  }

  #skipPadding(chunk: Buffer, offset: number): number {
    const skipped = Math.min(chunk.byteLength - offset, this.#padding);
    this.#padding -= skipped;
    return offset + skipped;
  }

  #readHeader(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.byteLength, offset + BLOCK_BYTES - this.#blockFilled);
    if (this.#blockFilled === 0 && end - offset === BLOCK_BYTES) {
      this.#takeHeader(chunk.subarray(offset, end));
      return end;
    }
    this.#blockFilled += chunk.copy(this.#block, this.#blockFilled, offset, end);
    if (this.#blockFilled === BLOCK_BYTES) {
      this.#blockFilled = 0;
      this.#takeHeader(this.#block);
    }
    return end;
  }

  #takeHeader(block: Buffer): void {
    const header = decodeTarHeader(block);
    if (header === undefined) this.#ended = true;
    else if ("xgLK".includes(header.type)) this.#beginExtension(header);
    else this.#beginEntry(header);
  }

  #beginExtension(header: TarHeader): void {
    if (header.size < 0 || header.size > EXTENSION_MAX_BYTES) {
      throw corrupt(`an extended header has ${header.size} bytes, of at most ${EXTENSION_MAX_BYTES}`);
    }
    this.#extension = { type: header.type, data: Buffer.alloc(header.size), filled: 0 };
    this.#expect(header.size);
  }

  #takeExtension({ type, data }: Extension): void {
    if (type === "x") this.#pax = decodePaxRecords(data, this.#globalPax);
    else if (type === "g") this.#globalPax = decodePaxRecords(data, this.#globalPax);
    else if (type === "L") this.#longName = untilNul(data);
    else this.#longLink = untilNul(data);
  }

  #beginEntry(header: TarHeader): void {
    const entry = this.#toEntry(header);
    if (entry.size < 0) throw corrupt("an entry has a negative size");
    this.#pax = this.#longName = this.#longLink = undefined;
    this.#inEntry = true;
    this.#handler.entry(entry);
    this.#expect(entry.size);
  }

  #expect(size: number): void {
    this.#remaining = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    if (size === 0) this.#endContent();
  }

  #toEntry(header: TarHeader): TarEntry {
    const pax = this.#pax ?? this.#globalPax;
    const name = pax.path ?? this.#longName ?? header.name;
    const type = header.type === "0" && name.endsWith("/") ? "directory" : ENTRY_TYPES[header.type];
    if (type === undefined) throw corrupt(`it holds an entry of the unknown type ${JSON.stringify(header.type)}`);
    return {
      ...header,
      type,
      name,
      linkName: pax.linkPath ?? this.#longLink ?? header.linkName,
      // Only files have content: other types may state a size that no bytes follow (Go's archive/tar reads them so, too).
      size: type === "file" ? (pax.size ?? header.size) : 0,
      uid: pax.uid ?? header.uid,
      gid: pax.gid ?? header.gid,
      mtime: pax.mtime ?? header.mtime,
      xattrs: pax.xattrs,
    };
  }
}

function untilNul(data: Buffer): BytePath {
  const end = data.indexOf(0);
  return data.toString("latin1", 0, end === -1 ? data.byteLength : end);
}
