import type { Link } from "../connection/link.ts";

const BEAT_MS = 1_000;
/** Nobody listens where the other end was: it may be reconnecting, for so long. */
const ABSENT_MS = 3_000;
/** The other end is connected but says nothing: it may be stopped or starved, for so long. */
const SILENT_MS = 30_000;

/** Tells whether the other end of a stream is alive. Time without a server does not count: it says nothing about the other end. */
export class Pulse implements Disposable {
  readonly #link: Link;
  readonly #timer: NodeJS.Timeout;
  readonly #listening: Disposable;
  #heardAt = performance.now();
  #absentSince: number | undefined;

  /**
   * @param beat called every second and at each reconnect: sends the other end a sign of life
   * @param lost called once with the reason, in words, when the other end is given up
   */
  constructor(link: Link, beat: () => void, lost: (why: string) => void) {
    this.#link = link;
    this.#timer = setInterval(() => this.#check(beat, lost), BEAT_MS);
    this.#listening = link.onStatus(({ type }) => {
      this.heard();
      if (type === "reconnected") beat();
      else if (link.closed) lost("cannot be reached: this process has closed its connection");
    });
  }

  /** Something came from the other end. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#absentSince = undefined;
  }

  /** The server says that nobody listens where the other end was. */
  absent(): void {
    this.#absentSince ??= performance.now();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#listening[Symbol.dispose]();
  }

  #check(beat: () => void, lost: (why: string) => void): void {
    if (!this.#link.connected) return;
    const now = performance.now();
    if (this.#absentSince !== undefined && now - this.#absentSince > ABSENT_MS) lost("is gone");
    else if (now - this.#heardAt > SILENT_MS) lost(`has said nothing for ${SILENT_MS / 1000} seconds`);
    else beat();
  }
}
