/** How many things may be under way at once, for one client and in all. */
export class QueryLimit {
  readonly #perClient: number;
  readonly #inAll: number;
  readonly #underWay = new Map<string, number>();
  #total = 0;

  constructor(limits: { perClient: number; inAll: number }) {
    this.#perClient = limits.perClient;
    this.#inAll = limits.inAll;
  }

  /** Takes a place, given back by disposal; undefined when there is none for this client. */
  enter(client: string): Disposable | undefined {
    const own = this.#underWay.get(client) ?? 0;
    if (own >= this.#perClient || this.#total >= this.#inAll) return undefined;
    this.#underWay.set(client, own + 1);
    this.#total += 1;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (!left) this.#leave(client);
        left = true;
      },
    };
  }

  /** Whether a client has all the places that one may have. */
  isFullOf(client: string): boolean {
    return (this.#underWay.get(client) ?? 0) >= this.#perClient;
  }

  #leave(client: string): void {
    const own = (this.#underWay.get(client) ?? 1) - 1;
    if (own === 0) this.#underWay.delete(client);
    else this.#underWay.set(client, own);
    this.#total -= 1;
  }
}
