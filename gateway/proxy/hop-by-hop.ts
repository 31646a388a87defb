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

/** Never for one connection, whatever the Connection field says: without its length a body would be the next request. */
const END_TO_END = new Set(["content-length", "host"]);

/** Returns the test for fields that end here: the known ones and those that the Connection field names. */
export function hopByHopTest(connection: string | undefined): (name: string) => boolean {
  if (connection === undefined || connection === "keep-alive" || connection === "close")
    return (name) => HOP_BY_HOP.has(name);
  const named = new Set(connection.split(",").map((option) => option.trim().toLowerCase()));
  return (name) => HOP_BY_HOP.has(name) || (named.has(name) && !END_TO_END.has(name));
}
