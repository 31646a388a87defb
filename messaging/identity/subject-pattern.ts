import { messagingError } from "../errors.ts";

const MAX_TOKENS = 16;
const MAX_BYTES = 256;

/**
 * Checks a subject as a service declares it: tokens joined by dots, `*` for one token, `>` as the last for all that follow.
 * What begins with `$` or `_INBOX` is the server's, and never a service's.
 */
export function requireDeclarableSubject(subject: string, what: string): string {
  const tokens = subject.split(".");
  const refuse = (why: string) =>
    messagingError("SLIPWAY_MESSAGING_SUBJECT_INVALID", `${what} ${JSON.stringify(subject)} ${why}`);
  if (Buffer.byteLength(subject) > MAX_BYTES) throw refuse(`is longer than ${MAX_BYTES} bytes`);
  if (tokens.length > MAX_TOKENS) throw refuse(`has more than ${MAX_TOKENS} tokens`);
  if (subject.startsWith("$") || tokens[0] === "_INBOX") throw refuse("is reserved for nats-server");
  for (const [index, token] of tokens.entries()) {
    if (token === "" || /[\s\0]/.test(token)) throw refuse("has an empty token or white space in one");
    if (token === ">" && index !== tokens.length - 1) throw refuse("has a `>` before its end");
    if (token.length > 1 && /[*>]/.test(token)) throw refuse("has a wildcard that is not a token of its own");
  }
  return subject;
}
