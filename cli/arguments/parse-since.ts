import { parseDurationMs } from "#contracts/compose/quantities.ts";
import { cliError } from "../errors.ts";

/** A time (RFC 3339) or an age (`10m`), as RFC 3339. @throws SLIPWAY_CLI_USAGE */
export function parseSince(text: string | undefined, now = Date.now()): string | undefined {
  if (text === undefined) return undefined;
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString();
  try {
    return new Date(now - parseDurationMs(text)).toISOString();
  } catch (cause) {
    const message = `--since takes a time (2026-01-31T12:00:00Z) or an age (10m), not ${JSON.stringify(text)}`;
    throw cliError("SLIPWAY_CLI_USAGE", message, { cause });
  }
}
