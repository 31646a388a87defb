import type { MsgHdrs } from "@nats-io/transport-node";
import type { Link } from "../connection/link.ts";

const OPERATION = "KV-Operation";
/** Long enough that a reader which was away finds it, short enough that the bucket does not fill with what is gone. */
const TOMBSTONE_LIFETIME = "1h";

/** Messages with a life time of their own came with nats-server 2.11; before it, tombstones stay. */
export function canExpireTombstones(link: Link): boolean {
  const [major = 0, minor = 0] = (link.connection.info?.version ?? "").split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 11);
}

export function tombstoneHeaders(expires: boolean): Record<string, string> {
  return { [OPERATION]: "DEL", ...(expires ? { "Nats-TTL": TOMBSTONE_LIFETIME } : {}) };
}

export function isTombstone(headers: MsgHdrs | undefined): boolean {
  const operation = headers?.get(OPERATION);
  return operation === "DEL" || operation === "PURGE" || headers?.get("Nats-Marker-Reason") === "MaxAge";
}
