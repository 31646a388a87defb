import type { Kernel } from "./kernel.ts";
import { addressOf } from "./libc.ts";

/** recv(2) */
const MSG_PEEK = 0x2;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** socket(7): each look at a waiting datagram goes on where the last one ended. */
const SOL_SOCKET = 1;
const SO_PEEK_OFF = 42;
const PEEK_FROM_FIRST = 0;
const PEEK_ALWAYS_FIRST = -1;

const DATAGRAMS = 64;
/** struct mmsghdr, recvmmsg(2), and where in it is what we read and write; all of it in 32-bit words. */
const HEADER_WORDS = 16;
const NAME_WORD = 0;
const NAME_LENGTH_WORD = 2;
const IOVEC_WORD = 4;
const IOVEC_COUNT_WORD = 6;
const LENGTH_WORD = 14;
/** struct iovec */
const IOVEC_WORDS = 4;
const IOVEC_LENGTH_WORD = 2;
/** struct sockaddr_in */
const ADDRESS_WORDS = 4;
const WORD_BYTES = 4;

/**
 * Reads and answers the datagrams of an IPv4 socket, up to 64 with one system call. They stay on the socket until {@link takeOff}, so that
 * whoever has the socket next finds those that were not answered. An answer is written over its question.
 */
export class DatagramBatch {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #slotBytes: number;
  readonly #headers = new Words(DATAGRAMS * HEADER_WORDS);
  readonly #iovecs = new Words(DATAGRAMS * IOVEC_WORDS);
  readonly #addresses = new Words(DATAGRAMS * ADDRESS_WORDS);
  /** Of no room at all: what is taken off has been read. */
  readonly #takenOff = new Words(DATAGRAMS * HEADER_WORDS);
  /** The slots, one after the other. */
  readonly bytes: Buffer;

  /** The fd stays the caller's, who calls {@link startOver} before the first look. */
  constructor(kernel: Kernel, fd: number, slotBytes: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#slotBytes = slotBytes;
    this.bytes = Buffer.alloc(DATAGRAMS * slotBytes);
    const slots = addressOf(this.bytes);
    for (let index = 0; index < DATAGRAMS; index++) {
      this.#iovecs.setPointer(index * IOVEC_WORDS, slots + index * slotBytes);
      this.#iovecs.words[index * IOVEC_WORDS + IOVEC_LENGTH_WORD] = slotBytes;
      const header = index * HEADER_WORDS;
      this.#headers.setPointer(header + NAME_WORD, this.#addresses.address + index * ADDRESS_WORDS * WORD_BYTES);
      this.#headers.words[header + NAME_LENGTH_WORD] = ADDRESS_WORDS * WORD_BYTES;
      this.#headers.setPointer(header + IOVEC_WORD, this.#iovecs.address + index * IOVEC_WORDS * WORD_BYTES);
      this.#headers.words[header + IOVEC_COUNT_WORD] = 1;
    }
  }

  /** Looks at the datagrams that were not looked at yet; returns how many. */
  peek(): number {
    // MSG_TRUNC: by its whole length each, or the next look would begin inside of one.
    const flags = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT;
    return Math.max(this.#kernel.attempt("recvmmsg", this.#fd, this.#headers.address, DATAGRAMS, flags, null), 0);
  }

  /** Takes off the first ones. */
  takeOff(count: number): void {
    this.#kernel.attempt("recvmmsg", this.#fd, this.#takenOff.address, count, MSG_TRUNC | MSG_DONTWAIT, null);
  }

  /** The next look begins at the first datagram again. */
  startOver(): void {
    this.#kernel.call("setsockopt", this.#fd, SOL_SOCKET, SO_PEEK_OFF, word(PEEK_FROM_FIRST), WORD_BYTES);
  }

  /** Leaves the socket as one whose every look shows the first datagram. */
  finish(): void {
    this.#kernel.attempt("setsockopt", this.#fd, SOL_SOCKET, SO_PEEK_OFF, word(PEEK_ALWAYS_FIRST), WORD_BYTES);
  }

  startOf(index: number): number {
    return index * this.#slotBytes;
  }

  /** As it was sent: more than a slot holds when it is cut off. */
  lengthOf(index: number): number {
    return this.#headers.words[index * HEADER_WORDS + LENGTH_WORD] ?? 0;
  }

  /** The sender's IPv4 address, four bytes as they are in memory. */
  senderOf(index: number): number {
    return this.#addresses.words[index * ADDRESS_WORDS + 1] ?? 0;
  }

  /** The sender's struct sockaddr_in, a copy. */
  sockaddrOf(index: number): Buffer {
    const start = index * ADDRESS_WORDS;
    return Buffer.from(this.#addresses.words.slice(start, start + ADDRESS_WORDS).buffer);
  }

  /** Says how long the answer is that now stands in a slot. */
  setAnswer(index: number, length: number): void {
    this.#iovecs.words[index * IOVEC_WORDS + IOVEC_LENGTH_WORD] = length;
  }

  /** Sends the answers from one slot up to another (exclusive); each has to have one. What cannot be sent is passed over. */
  send(from: number, to: number): void {
    for (let next = from; next < to;) {
      const headers = this.#headers.address + next * HEADER_WORDS * WORD_BYTES;
      next += Math.max(this.#kernel.attempt("sendmmsg", this.#fd, headers, to - next, MSG_DONTWAIT), 1);
    }
    for (let index = from; index < to; index++) this.setAnswer(index, this.#slotBytes);
  }
}

/** Memory that the kernel reads and writes, in 32-bit words. */
class Words {
  readonly words: Int32Array;
  readonly address: number;

  constructor(count: number) {
    this.words = new Int32Array(count);
    this.address = addressOf(new Uint8Array(this.words.buffer));
  }

  setPointer(word: number, address: number): void {
    new DataView(this.words.buffer).setBigUint64(word * WORD_BYTES, BigInt(address), true);
  }
}

const word = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);
