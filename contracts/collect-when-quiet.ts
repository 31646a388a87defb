const LOOK_EVERY_MS = 5_000;
/** Of a processor: who computed less is quiet, and is kept from nothing by some 30 ms of collection. */
const QUIET_SHARE = 0.02;
/** Less is not worth a collection. */
const WORTH_BYTES = 2 * 1024 * 1024;

export interface QuietCollection {
  onCollected?: () => void;
  lookEveryMs?: number;
}

/**
 * Collects this thread's garbage when its process has nothing to do. V8 collects when the room that it took is full, however long that is: without this
 * an idle process keeps what its start has used, some 8 MB, and one that has made 300 containers what that took. Where the process was not started with
 * `--expose-gc`, as the server starts its own, nothing is done. Keeps no process alive.
 */
export function collectWhenQuiet({ onCollected, lookEveryMs = LOOK_EVERY_MS }: QuietCollection = {}): Disposable {
  const collect = globalThis.gc;
  if (collect === undefined) return { [Symbol.dispose]: () => {} };
  let left = 0;
  let before = process.cpuUsage();
  const look = async (): Promise<void> => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isQuiet = (user + system) / 1000 < lookEveryMs * QUIET_SHARE;
    if (!isQuiet || process.memoryUsage().heapUsed < left + WORTH_BYTES) return;
    // As the last resort it gives the room back, too. From a task of its own, it finds nothing on the stack.
    await collect({ type: "major", execution: "async", flavor: "last-resort" });
    onCollected?.();
    left = process.memoryUsage().heapUsed;
  };
  const timer = setInterval(() => void look(), lookEveryMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
