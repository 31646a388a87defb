import { ERRNO } from "../errno.ts";
import { failedWith, type Kernel, KernelError } from "../kernel.ts";
import type { MessageBuilder } from "./message-builder.ts";
import { type NetlinkMessage, parseMessages } from "./message-parser.ts";
import { NetlinkError, parseAcknowledgement } from "./netlink-error.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const SOCKADDR_NL_BYTES = 12;

const NLM_F_DUMP_INTR = 0x10;
const NLM_F_ACK = 0x4;
const NLMSG_DONE = 3;

/** The kernel answers within the send itself, so this bounds only a lock that another program holds. */
const TIMEOUT_SECONDS = 5n;
/** A dump arrives in parts of at most 32 KiB (NLMSG_GOODSIZE's cap); a single answer may be larger. */
const RECEIVE_BYTES = 64 * 1024;
/** A batch must fit the send buffer whole, and its errors the receive buffer. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** A dump that others keep changing under us is given up. */
const MAX_DUMP_ATTEMPTS = 20;

/** A netlink socket used synchronously: a request and its answer are one uninterruptible turn of microseconds. */
export class NetlinkSocket implements Disposable {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #received = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  #sequence = 0;
  #closed = false;

  private constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel;
    this.#fd = fd;
  }

  /** Opens a socket in the network namespace that this thread is in now; it stays there whatever the thread does later. */
  static open(kernel: Kernel, protocol: number): NetlinkSocket {
    const fd = kernel.call("socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    try {
      setOption(kernel, fd, SOL_SOCKET, SO_RCVTIMEO, timeval(TIMEOUT_SECONDS));
      setOption(kernel, fd, SOL_SOCKET, SO_SNDTIMEO, timeval(TIMEOUT_SECONDS));
      setOption(kernel, fd, SOL_SOCKET, SO_SNDBUFFORCE, word(BUFFER_BYTES));
      setOption(kernel, fd, SOL_SOCKET, SO_RCVBUFFORCE, word(BUFFER_BYTES));
      setOption(kernel, fd, SOL_NETLINK, NETLINK_CAP_ACK, word(1));
      setOption(kernel, fd, SOL_NETLINK, NETLINK_EXT_ACK, word(1));
      setOption(kernel, fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, word(1));
      kernel.call("bind", fd, kernelAddress(), SOCKADDR_NL_BYTES);
    } catch (error) {
      kernel.attempt("close", fd);
      throw error;
    }
    return new NetlinkSocket(kernel, fd);
  }

  /** Sends a message that carries NLM_F_ACK and waits for the acknowledgement; throws a NetlinkError on refusal. */
  request(message: MessageBuilder): void {
    if ((message.flags & NLM_F_ACK) === 0) throw new TypeError(`${message.purpose}: the message asks for no ACK`);
    const sequence = this.#send(message);
    for (;;) {
      for (const answer of this.#receive(message.purpose)) {
        const acknowledgement = answer.sequence === sequence ? parseAcknowledgement(answer) : undefined;
        if (acknowledgement === undefined) continue;
        if (acknowledgement.errno === 0) return;
        throw new NetlinkError(message.purpose, acknowledgement.errno, acknowledgement.reason);
      }
    }
  }

  /** Sends a message without NLM_F_ACK that is answered by exactly one message. */
  get(message: MessageBuilder): NetlinkMessage {
    const sequence = this.#send(message);
    for (;;) {
      for (const answer of this.#receive(message.purpose)) {
        if (answer.sequence !== sequence) continue;
        const refusal = parseAcknowledgement(answer);
        if (refusal !== undefined) throw new NetlinkError(message.purpose, refusal.errno, refusal.reason);
        return { ...answer, payload: Buffer.from(answer.payload) };
      }
    }
  }

  /** Sends an NLM_F_DUMP message and returns all answers; begins anew when the kernel's tables changed meanwhile. */
  dump(message: MessageBuilder): NetlinkMessage[] {
    for (let attempt = 1; attempt <= MAX_DUMP_ATTEMPTS; attempt++) {
      const answers = this.#dumpOnce(message);
      if (answers !== "interrupted") return answers;
    }
    throw new NetlinkError(`${message.purpose}: changed ${MAX_DUMP_ATTEMPTS} times while it was read`, ERRNO.EAGAIN);
  }

  /**
   * Sends messages as one datagram (an nf_tables transaction) and returns the errors the kernel queued, in order, and whether
   * the last message was acknowledged. Nothing is waited for: the kernel has processed a batch when the send returns.
   */
  sendBatch(messages: readonly MessageBuilder[], purpose: string): BatchResult {
    const first = this.#sequence + 1;
    const datagram = Buffer.concat(messages.map((message) => message.encode(++this.#sequence)));
    this.#sendBytes(datagram);
    const result: BatchResult = { errors: [], acknowledged: false };
    for (let answers = this.#receive(purpose, MSG_DONTWAIT); answers.length > 0;) {
      for (const answer of answers) {
        const index = answer.sequence - first;
        const acknowledgement = parseAcknowledgement(answer);
        const message = messages[index];
        if (acknowledgement === undefined || message === undefined) continue;
        if (acknowledgement.errno === 0) result.acknowledged ||= index >= messages.length - 2;
        else result.errors.push(new NetlinkError(message.purpose, acknowledgement.errno, acknowledgement.reason));
      }
      answers = this.#receive(purpose, MSG_DONTWAIT);
    }
    return result;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kernel.attempt("close", this.#fd);
  }

  #dumpOnce(message: MessageBuilder): NetlinkMessage[] | "interrupted" {
    const sequence = this.#send(message);
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const answer of this.#receive(message.purpose)) {
        if (answer.sequence !== sequence) continue;
        interrupted ||= (answer.flags & NLM_F_DUMP_INTR) !== 0;
        const refusal = parseAcknowledgement(answer);
        if (refusal !== undefined) throw new NetlinkError(message.purpose, refusal.errno, refusal.reason);
        if (answer.type !== NLMSG_DONE) {
          answers.push({ ...answer, payload: Buffer.from(answer.payload) });
          continue;
        }
        const errno = answer.payload.byteLength >= 4 ? -answer.payload.readInt32LE(0) : 0;
        if (errno > 0) throw new NetlinkError(message.purpose, errno);
        return interrupted ? "interrupted" : answers;
      }
    }
  }

  #send(message: MessageBuilder): number {
    const sequence = ++this.#sequence;
    this.#sendBytes(message.encode(sequence));
    return sequence;
  }

  #sendBytes(datagram: Buffer): void {
    this.#assertOpen();
    this.#kernel.call("sendto", this.#fd, datagram, datagram.byteLength, 0, kernelAddress(), SOCKADDR_NL_BYTES);
  }

  /** One datagram's messages, views into the receive buffer; none when nothing is queued and `flags` has MSG_DONTWAIT. */
  #receive(purpose: string, flags = 0): NetlinkMessage[] {
    this.#assertOpen();
    for (;;) {
      const length = this.#kernel.attempt(
        "recvfrom",
        this.#fd,
        this.#received,
        RECEIVE_BYTES,
        flags | MSG_TRUNC,
        null,
        null,
      );
      if (length > RECEIVE_BYTES) throw new NetlinkError(`${purpose}: an answer of ${length} bytes`, ERRNO.EMSGSIZE);
      if (length >= 0) return parseMessages(this.#received.subarray(0, length));
      if (failedWith(length, "EINTR")) continue;
      if (!failedWith(length, "EAGAIN")) throw new KernelError("recvfrom", -length, [this.#fd]);
      if ((flags & MSG_DONTWAIT) !== 0) return [];
      throw new NetlinkError(`${purpose}: no answer in ${TIMEOUT_SECONDS} seconds`, ERRNO.ETIMEDOUT);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new TypeError("the netlink socket is closed");
  }
}

export interface BatchResult {
  errors: NetlinkError[];
  acknowledged: boolean;
}

/** sockaddr_nl of the kernel (port 0), also the autobind request. */
function kernelAddress(): Buffer {
  const address = Buffer.alloc(SOCKADDR_NL_BYTES);
  address.writeUInt16LE(AF_NETLINK, 0);
  return address;
}

function setOption(kernel: Kernel, fd: number, level: number, option: number, value: Buffer): void {
  kernel.call("setsockopt", fd, level, option, value, value.byteLength);
}

function word(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeInt32LE(value);
  return data;
}

function timeval(seconds: bigint): Buffer {
  const data = Buffer.alloc(16);
  data.writeBigInt64LE(seconds, 0);
  return data;
}
