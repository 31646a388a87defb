import { messagingError } from "../errors.ts";

const KEY = /^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$/;
const FILTER = /^([-/_=a-zA-Z0-9]+|\*)(\.([-/_=a-zA-Z0-9]+|\*))*(\.>)?$|^>$/;

/** Keys as every NATS KV client has them (ADR-8). */
export function requireKey(key: string): string {
  if (KEY.test(key)) return key;
  throw messagingError("SLIPWAY_MESSAGING_KEY_INVALID", `${JSON.stringify(key)} is not a key`);
}

/** A key in which tokens may be `*` and the last one `>`. */
export function requireKeyFilter(filter: string): string {
  if (FILTER.test(filter)) return filter;
  throw messagingError("SLIPWAY_MESSAGING_KEY_INVALID", `${JSON.stringify(filter)} is not a filter of keys`);
}
