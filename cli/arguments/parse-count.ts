import { cliError } from "../errors.ts";

/** A whole number of at least 1. @throws SLIPWAY_CLI_USAGE */
export function parseCount(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw cliError("SLIPWAY_CLI_USAGE", `${flag} takes a number of at least 1, not ${JSON.stringify(text)}`);
}
