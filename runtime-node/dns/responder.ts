import { Forwarder, type ForwarderOptions } from "./forwarder.ts";
import { answerLocally, encodeLocalAnswer } from "./local-answer.ts";
import type { NameSource } from "./name-source.ts";
import { type DnsQuery, parsePacket } from "./query.ts";
import { QueryLimit } from "./query-limit.ts";
import { FLAGS, RCODE, bareAnswer } from "./wire.ts";

export interface ResponderOptions {
  network: string;
  names: NameSource;
  /** Absent for a network with no way out: names of the world then do not exist. */
  forwarding?: ForwarderOptions;
  /** Told of what went wrong with a query; the asker got SERVFAIL. */
  onFailure: (message: string, cause: unknown) => void;
}

export interface Asker {
  address: string;
  transport: "udp" | "tcp";
}

/** A container that asks faster than the upstreams answer gets SERVFAIL at once, and the others notice nothing. */
const FORWARDED_AT_ONCE = { perClient: 64, inAll: 512 };

/** Makes the answer to a packet, whatever is in it. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #forwarder: Forwarder | undefined;
  readonly #limit = new QueryLimit(FORWARDED_AT_ONCE);

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#forwarder = options.forwarding === undefined ? undefined : new Forwarder(options.forwarding);
  }

  /** The answer's bytes; undefined for what deserves none. Rejects only when the signal aborts. */
  async respond(packet: Buffer, asker: Asker, signal: AbortSignal): Promise<Buffer | undefined> {
    const parsed = parsePacket(packet);
    if (parsed.kind === "ignore") return undefined;
    if (parsed.kind === "refuse") return bareAnswer(packet, 0, parsed.rcode);
    const answer = await this.#answer(parsed.query, asker, signal);
    if (asker.transport === "tcp" || answer.byteLength <= parsed.query.udpBytes) return answer;
    return bareAnswer(packet, FLAGS.truncated, RCODE.NOERROR);
  }

  async #answer(query: DnsQuery, asker: Asker, signal: AbortSignal): Promise<Buffer> {
    try {
      const { names, network } = this.#options;
      const local = answerLocally(query, names, names.networksOf(network, asker.address));
      if (local !== undefined) return encodeLocalAnswer(query, local);
      return await this.#forward(query, asker, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.onFailure(`the question for ${query.question.type} ${query.name} could not be answered`, error);
      return bareAnswer(query.packet, 0, RCODE.SERVFAIL);
    }
  }

  async #forward(query: DnsQuery, asker: Asker, signal: AbortSignal): Promise<Buffer> {
    if (this.#forwarder === undefined) return bareAnswer(query.packet, 0, RCODE.NXDOMAIN);
    using place = this.#limit.enter(asker.address);
    const answer = place === undefined ? undefined : await this.#forwarder.forward(query.packet, signal);
    return answer ?? bareAnswer(query.packet, 0, RCODE.SERVFAIL);
  }
}
