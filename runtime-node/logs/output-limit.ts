/** A container may write so much at full speed: a program that prints a large file is not a flood. */
const BURST_BYTES = 32 * 1024 * 1024;
/** And from then on so much in a second: a fraction of one core, and of a disk. */
const SUSTAINED_BYTES = 8 * 1024 * 1024;
/** All that flood share this. */
const NODE_BYTES = 16 * 1024 * 1024;

/** What the containers of a node may write, together and each. */
export class OutputLimits {
  readonly #flooding = new Set<OutputLimit>();
  readonly #now: () => number;

  /** `now`: in milliseconds, from wherever it counts. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `onFlood` is told when a container is first held back, and again only after it has been quiet for some seconds. */
  open(onFlood: (bytesPerSecond: number) => void): OutputLimit {
    return new OutputLimit(this.#flooding, this.#now, onFlood);
  }
}

/** One container's part: a bucket of bytes that fills at the sustained rate. Disposal gives its part to the others. */
export class OutputLimit implements Disposable {
  readonly #flooding: Set<OutputLimit>;
  readonly #now: () => number;
  readonly #onFlood: (bytesPerSecond: number) => void;
  #bytes = BURST_BYTES;
  #filledAt: number;

  /** `flooding`: those that are over their burst, of the whole node. */
  constructor(flooding: Set<OutputLimit>, now: () => number, onFlood: (bytesPerSecond: number) => void) {
    this.#flooding = flooding;
    this.#now = now;
    this.#filledAt = now();
    this.#onFlood = onFlood;
  }

  /** Takes what was read; how many milliseconds to read nothing more. */
  take(bytes: number): number {
    this.#fill();
    this.#bytes -= bytes;
    if (this.#bytes >= 0) return 0;
    if (!this.#flooding.has(this)) {
      this.#flooding.add(this);
      this.#onFlood(this.#bytesPerSecond);
    }
    return (-this.#bytes / this.#bytesPerSecond) * 1000;
  }

  [Symbol.dispose](): void {
    this.#flooding.delete(this);
  }

  get #bytesPerSecond(): number {
    return Math.min(SUSTAINED_BYTES, NODE_BYTES / Math.max(1, this.#flooding.size));
  }

  #fill(): void {
    const now = this.#now();
    this.#bytes = Math.min(BURST_BYTES, this.#bytes + ((now - this.#filledAt) / 1000) * this.#bytesPerSecond);
    this.#filledAt = now;
    if (this.#bytes === BURST_BYTES) this.#flooding.delete(this);
  }
}
