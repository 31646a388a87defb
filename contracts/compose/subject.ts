const MAXIMUM_TOKENS = 16;

/**
 * A NATS subject that a service may use, with wildcards. `$…` and `_INBOX` are the server's and the clients' own.
 * @throws RangeError
 */
export function parseSubject(text: string): string {
  const tokens = text.split(".");
  const fail = (why: string): never => {
    throw new RangeError(`${JSON.stringify(text)} is no NATS subject: ${why}`);
  };
  if (text.length > 255) fail("it has more than 255 characters");
  if (tokens.length > MAXIMUM_TOKENS) fail(`it has more than ${MAXIMUM_TOKENS} tokens`);
  tokens.forEach((token, index) => {
    if (token === "") fail("a token is empty");
    if (/[\s\p{Cc}]/u.test(token)) fail("a token has a blank or a control character");
    if (token === ">" && index < tokens.length - 1) fail("> stands only at the end");
    if (token.length > 1 && /[*>]/.test(token)) fail("* and > are whole tokens");
  });
  if (text.startsWith("$") || tokens[0] === "_INBOX") fail(`${tokens[0]} is reserved`);
  return text;
}

/** A DNS name in lower case, its first label perhaps `*`. @throws RangeError */
export function parseRouteHost(text: string): string {
  const host = text.toLowerCase();
  const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  if (host.length <= 253 && new RegExp(`^(\\*\\.${label}|${label})(\\.${label})*$`).test(host)) return host;
  throw new RangeError(`${JSON.stringify(text)} is no host name (as in shop.example.org, *.example.org)`);
}

/** A path prefix of whole segments, without query. @throws RangeError */
export function parseRoutePath(text: string): string {
  const plain =
    text.startsWith("/") && !/[\s?#\\]/.test(text) && !text.split("/").some((part) => part === "." || part === "..");
  if (!plain) throw new RangeError(`${JSON.stringify(text)} is no path (as in /, /api)`);
  return text.length > 1 ? text.replace(/\/+$/, "") || "/" : text;
}
