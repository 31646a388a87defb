import koffi from "koffi";
import { libc } from "./libc.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 0x02;
const MAP_ANONYMOUS = 0x20;
const WORD_BYTES = 8;
const HALF = 2 ** 32;

/**
 * A page-aligned piece of memory outside V8's heap, whose addresses never move: structs, strings and machine code that the
 * kernel or a child process reads. Released by disposal (munmap(2)).
 */
export class Arena implements Disposable {
  readonly address: number;
  readonly byteLength: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  #used = 0;
  /** Before it was rewound. */
  #mostUsed = 0;
  #released = false;

  constructor(byteLength: number, access: "data" | "code" = "data") {
    const protection = access === "code" ? PROT_READ | PROT_WRITE | PROT_EXEC : PROT_READ | PROT_WRITE;
    const address = libc.mmap(0, byteLength, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address <= 0) throw new Error(`mmap of ${byteLength} bytes failed with errno ${koffi.errno()}`);
    this.address = address;
    this.byteLength = byteLength;
    const memory = koffi.view(BigInt(address), byteLength);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }

  /** Reserves `size` bytes (zero unless it was rewound, 8-byte aligned) and returns their offset in the arena. */
  reserve(size: number, alignment = 8): number {
    const offset = Math.ceil(this.#used / alignment) * alignment;
    if (offset + size > this.byteLength) {
      throw new RangeError(`arena of ${this.byteLength} bytes is full: ${size} more were asked for`);
    }
    this.#used = offset + size;
    return offset;
  }

  /** Copies bytes in and returns their address. */
  store(data: Uint8Array, alignment = 8): number {
    const offset = this.reserve(data.byteLength, alignment);
    this.bytes.set(data, offset);
    return this.address + offset;
  }

  /** Copies a NUL-terminated UTF-8 string in and returns its address. */
  storeString(text: string): number {
    if (text.includes("\0")) throw new RangeError(`a string for the kernel holds a NUL byte: ${JSON.stringify(text)}`);
    const offset = this.reserve(Buffer.byteLength(text) + 1, 1);
    this.bytes[offset + this.bytes.write(text, offset)] = 0;
    return this.address + offset;
  }

  /** Copies a NULL-terminated array of strings in (argv, envp) and returns its address. */
  storeStrings(texts: readonly string[]): number {
    const pointers = this.reserve((texts.length + 1) * WORD_BYTES);
    texts.forEach((text, index) => this.setWord(pointers + index * WORD_BYTES, this.storeString(text)));
    this.setWord(pointers + texts.length * WORD_BYTES, 0);
    return this.address + pointers;
  }

  /** Writes a signed 64-bit word that a JS number holds exactly. In halves: a BigInt a word is most of what a plan's encoding would cost. */
  setWord(offset: number, value: number): void {
    this.view.setInt32(offset, value | 0, true);
    this.view.setInt32(offset + 4, Math.floor(value / HALF), true);
  }

  /** A signed 64-bit word; exact when it is an address, an fd, an errno. */
  word(offset: number): number {
    return this.view.getInt32(offset + 4, true) * HALF + this.view.getUint32(offset, true);
  }

  /** Forgets all that was stored; the memory stays mapped. */
  rewind(): void {
    this.#mostUsed = Math.max(this.#mostUsed, this.#used);
    this.#used = 0;
  }

  /** As new: what was stored is overwritten with zeros. */
  clear(): void {
    this.rewind();
    this.bytes.fill(0, 0, this.#mostUsed);
    this.#mostUsed = 0;
  }

  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    libc.munmap(this.address, this.byteLength);
  }
}
