const BAR_CELLS = 30;
const LINES_A_DOWNLOAD = 4;

/** Progress for a person: a bar that redraws itself on a terminal, a few lines elsewhere. */
export class Progress {
  #stream;
  #quiet;

  /** @param {{ stream?: NodeJS.WriteStream, quiet?: boolean }} [options] quiet: says only what it does, not what was there */
  constructor({ stream = process.stderr, quiet = false } = {}) {
    this.#stream = stream;
    this.#quiet = quiet;
  }

  get isTerminal() {
    return this.#stream.isTTY === true;
  }

  /** @param {string} text */
  doing(text) {
    this.#stream.write(`setup: ${text}\n`);
  }

  /** @param {string} text */
  found(text) {
    if (!this.#quiet) this.#stream.write(`setup: ${text}\n`);
  }

  /**
   * Returns what to call with the number of bytes done so far.
   * @param {string} label
   * @param {number} totalBytes
   * @returns {(doneBytes: number) => void}
   */
  download(label, totalBytes) {
    let shown = -1;
    return (doneBytes) => {
      const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 1;
      const step = Math.floor(share * (this.isTerminal ? 100 : LINES_A_DOWNLOAD));
      if (step === shown) return;
      shown = step;
      const amount = `${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`;
      if (!this.isTerminal) return this.doing(`${label}: ${amount}`);
      const filled = Math.round(share * BAR_CELLS);
      const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
      this.#stream.write(`\rsetup: ${label} ${bar} ${amount}${share === 1 ? "\n" : ""}`);
    };
  }
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
