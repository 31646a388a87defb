import type { Upstream, UpstreamSource } from "./resolv-conf.ts";
import { askOverTcp, askOverUdp } from "./upstream-exchange.ts";
import { RCODE, isTruncated, readRcode } from "./wire.ts";

export interface ForwarderOptions {
  upstreams: UpstreamSource;
  /** Never asked, however the upstreams change: our own addresses. */
  isOwn: (upstream: Upstream) => boolean;
  /** How long one upstream has for one answer; 1,500 when absent. libc's resolver waits 5 seconds for us. */
  attemptTimeoutMs?: number;
  /** How often to go through the upstreams; 2 when absent. */
  rounds?: number;
}

const ATTEMPT_TIMEOUT_MS = 1500;
const ROUNDS = 2;
/** An upstream that says so may be broken where the next is not. */
const TRY_NEXT: readonly number[] = [RCODE.SERVFAIL, RCODE.REFUSED, RCODE.NOTIMP];

/** Asks the host's resolvers, one after the other, beginning with the one that answered last. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  #preferred: string | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The upstreams' answer as it came, with the query's id; undefined when none of them has answered. */
  async forward(query: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
    const upstreams = await this.#inOrder();
    let unhappy: Buffer | undefined;
    for (let round = 0; round < (this.#options.rounds ?? ROUNDS); round += 1) {
      for (const upstream of upstreams) {
        const answer = await this.#ask(upstream, query, signal);
        if (answer === undefined) continue;
        if (!TRY_NEXT.includes(readRcode(answer))) {
          this.#preferred = keyOf(upstream);
          return answer;
        }
        unhappy = answer;
      }
      if (unhappy !== undefined) return unhappy;
    }
    return undefined;
  }

  async #inOrder(): Promise<readonly Upstream[]> {
    const upstreams = (await this.#options.upstreams()).filter((upstream) => !this.#options.isOwn(upstream));
    const isPreferred = (upstream: Upstream): boolean => keyOf(upstream) === this.#preferred;
    return [...upstreams.filter(isPreferred), ...upstreams.filter((upstream) => !isPreferred(upstream))];
  }

  async #ask(upstream: Upstream, query: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
    const answer = await this.#attempt(signal, (limit) => askOverUdp(upstream, query, limit));
    if (answer === undefined || !isTruncated(answer)) return answer;
    // An upstream without TCP leaves us the truncated answer, which says so itself.
    return (await this.#attempt(signal, (limit) => askOverTcp(upstream, query, limit))) ?? answer;
  }

  /** Undefined when the upstream failed or was too slow; rejects only when the caller's signal aborts. */
  async #attempt(signal: AbortSignal, ask: (limit: AbortSignal) => Promise<Buffer>): Promise<Buffer | undefined> {
    const timeout = AbortSignal.timeout(this.#options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS);
    try {
      return await ask(AbortSignal.any([signal, timeout]));
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }
}

const keyOf = (upstream: Upstream): string => `${upstream.address} ${upstream.port}`;
