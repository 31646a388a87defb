/** Fields for one connection only (RFC 9110, 7.6.1), and those for the next proxy alone. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Returns the test for fields that end here: the known ones and those that the Connection field names. */
export function hopByHopTest(connection: string | undefined): (name: string) => boolean {
  if (connection === undefined || connection === "keep-alive" || connection === "close")
    return (name) => HOP_BY_HOP.has(name);
  const named = new Set(connection.split(",").map((option) => option.trim().toLowerCase()));
  return (name) => HOP_BY_HOP.has(name) || named.has(name);
}
