interface Running<Value, Progress> {
  promise: Promise<Value>;
  controller: AbortController;
  listeners: Set<(progress: Progress) => void>;
  waiters: number;
}

/** Work that several callers want at once is done once. It is aborted when the last of them gives up. */
export class SharedWork<Value, Progress> implements AsyncDisposable {
  readonly #byKey = new Map<string, Running<Value, Progress>>();
  readonly #all = new Set<Running<Value, Progress>>();

  /** Joins the work under this key, or starts it. */
  async run(
    key: string,
    work: (signal: AbortSignal, report: (progress: Progress) => void) => Promise<Value>,
    options: { signal: AbortSignal; onProgress: (progress: Progress) => void },
  ): Promise<Value> {
    options.signal.throwIfAborted();
    const running = this.#byKey.get(key) ?? this.#start(key, work);
    const listener = (progress: Progress): void => options.onProgress(progress);
    running.listeners.add(listener);
    running.waiters++;
    try {
      return await withAbort(running.promise, options.signal);
    } finally {
      running.listeners.delete(listener);
      running.waiters--;
      if (running.waiters === 0) await this.#abandon(key, running, options.signal.reason);
    }
  }

  /** Aborts everything and waits until it has cleaned up. */
  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#all];
    for (const { controller } of running) controller.abort(new Error("the image store is closing"));
    await Promise.allSettled(running.map(({ promise }) => promise));
  }

  #start(
    key: string,
    work: (signal: AbortSignal, report: (progress: Progress) => void) => Promise<Value>,
  ): Running<Value, Progress> {
    const controller = new AbortController();
    const listeners = new Set<(progress: Progress) => void>();
    const report = (progress: Progress): void => listeners.forEach((listener) => listener(progress));
    // Begins in a turn of its own, so that the first caller already listens.
    const begun = Promise.resolve().then(() => work(controller.signal, report));
    const running = { promise: begun, controller, listeners, waiters: 0 };
    this.#byKey.set(key, running);
    this.#all.add(running);
    const forget = (): void => {
      this.#all.delete(running);
      if (this.#byKey.get(key) === running) this.#byKey.delete(key);
    };
    running.promise.then(forget, forget);
    return running;
  }

  /** Whoever asks from now on starts anew: what is being aborted cannot be joined. Resolves when it has cleaned up. */
  async #abandon(key: string, running: Running<Value, Progress>, reason: unknown): Promise<void> {
    if (this.#byKey.get(key) === running) this.#byKey.delete(key);
    running.controller.abort(reason);
    await Promise.allSettled([running.promise]);
  }
}

async function withAbort<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
