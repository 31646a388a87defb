/** What set-up cannot go on from: says what was tried on what, and what to do. */
export class SetupError extends Error {
  /**
   * @param {`SLIPWAY_SETUP_${string}`} code
   * @param {string} message
   * @param {{ remedy: string, cause?: unknown }} details
   */
  constructor(code, message, { remedy, cause }) {
    super(message, { cause });
    this.name = "SetupError";
    this.code = code;
    this.remedy = remedy;
  }
}
