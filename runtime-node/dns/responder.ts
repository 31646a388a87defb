import { Forwarder, type ForwarderOptions } from "./forwarder.ts";
import { answerLocally, encodeLocalAnswer } from "./local-answer.ts";
import type { NameSource } from "./name-source.ts";
import { type DnsQuery, parsePacket } from "./query.ts";
import { QueryLimit } from "./query-limit.ts";
import { QuickAnswers } from "./quick-answers.ts";
import { FLAGS, RCODE, bareAnswer } from "./wire.ts";

export interface ResponderOptions {
  network: string;
  names: NameSource;
  /** Absent for a network with no way out: names of the world then do not exist. */
  forwarding?: ForwarderOptions;
  /** Told of what went wrong with a query; the asker got SERVFAIL. */
  onFailure: (message: string, cause: unknown) => void;
  /** Told of each query that is turned away because its asker has its share of queries under way. */
  onFlood?: ((askerAddress: string) => void) | undefined;
}

export interface Asker {
  address: string;
  transport: "udp" | "tcp";
}

/** answer: what we know ourselves. forward: the world's to answer. ignore: it deserves no answer. */
export type Response = { kind: "answer"; bytes: Buffer } | { kind: "forward"; query: DnsQuery } | { kind: "ignore" };

/** A container that asks faster than the upstreams answer gets SERVFAIL at once, and the others notice nothing. */
const FORWARDED_AT_ONCE = { perClient: 64, inAll: 512 };

/** Makes the answer to a packet, whatever is in it. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #forwarder: Forwarder | undefined;
  readonly #quick: QuickAnswers;
  readonly #limit = new QueryLimit(FORWARDED_AT_ONCE);

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#quick = new QuickAnswers(options.names);
    this.#forwarder = options.forwarding === undefined ? undefined : new Forwarder(options.forwarding);
  }

  /**
   * Writes the answer to a datagram over it, and returns its length: the short way for what was asked before, see {@link QuickAnswers}. 0 when
   * {@link respond} has to be asked.
   */
  answerInPlace(bytes: Uint8Array, start: number, length: number, asker: number): number {
    return this.#quick.answerInPlace(bytes, start, length, asker);
  }

  /** What can be said at once. */
  respond(packet: Buffer, asker: Asker): Response {
    const parsed = parsePacket(packet);
    if (parsed.kind === "ignore") return parsed;
    if (parsed.kind === "refuse") return { kind: "answer", bytes: bareAnswer(packet, 0, parsed.rcode) };
    const { query } = parsed;
    try {
      const { names, network } = this.#options;
      const networks = names.networksOf(network, asker.address);
      const local = answerLocally(query, names, networks);
      if (local !== undefined) {
        if (asker.transport === "udp") this.#quick.remember(query, asker.address, networks, local);
        return answer(query, asker, encodeLocalAnswer(query, local));
      }
      if (this.#forwarder === undefined) return answer(query, asker, bareAnswer(packet, 0, RCODE.NXDOMAIN));
      return { kind: "forward", query };
    } catch (error) {
      return answer(query, asker, this.#failed(query, error));
    }
  }

  /** Asks the world. Rejects only when the signal aborts. */
  async forward(query: DnsQuery, asker: Asker, signal: AbortSignal): Promise<Buffer> {
    using place = this.#limit.enter(asker.address);
    if (place === undefined && this.#limit.isFullOf(asker.address)) this.#options.onFlood?.(asker.address);
    try {
      const theirs = place === undefined ? undefined : await this.#forwarder?.forward(query.packet, signal);
      return fitting(query, asker, theirs ?? bareAnswer(query.packet, 0, RCODE.SERVFAIL));
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(query, error);
    }
  }

  #failed(query: DnsQuery, error: unknown): Buffer {
    this.#options.onFailure(`the question for ${query.question.type} ${query.name} could not be answered`, error);
    return bareAnswer(query.packet, 0, RCODE.SERVFAIL);
  }
}

function answer(query: DnsQuery, asker: Asker, bytes: Buffer): Response {
  return { kind: "answer", bytes: fitting(query, asker, bytes) };
}

/** A datagram that would be too long says so instead, and the asker comes again over TCP. */
function fitting(query: DnsQuery, { transport }: Asker, bytes: Buffer): Buffer {
  if (transport === "tcp" || bytes.byteLength <= query.udpBytes) return bytes;
  return bareAnswer(query.packet, FLAGS.truncated, RCODE.NOERROR);
}
