/** A request's time limit in milliseconds, so that who answers stops when nobody waits any more. */
export const TIMEOUT_HEADER = "Slipway-Timeout-Ms";
/** On an answer whose payload is a Problem. */
export const PROBLEM_HEADER = "Slipway-Problem";
export const DEFAULT_CALL_TIMEOUT_MS = 5_000;
