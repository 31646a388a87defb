/**
 * A task that brings something up to date as a whole, and so need not run once a caller: whoever asks while it runs shares one
 * more run after it, which sees everything that was asked for until then.
 */
export class CoalescedTask {
  readonly #task: () => Promise<void>;
  #running: Promise<void> | undefined;
  #following: Promise<void> | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when a run that began after this call has ended; rejects as that run does. */
  run(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#following ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#following = undefined;
        return this.#start();
      });
    return this.#following;
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await (this.#following ?? this.#running).catch(() => undefined);
  }

  #start(): Promise<void> {
    const run = this.#task().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
