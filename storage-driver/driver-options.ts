import { storageError } from "./errors.ts";

/** Refuses every option that a driver does not have. */
export function refuseUnknown(driver: string, options: Readonly<Record<string, string>>, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const offered = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  throw storageError("SLIPWAY_STORAGE_OPTION_UNKNOWN", `the volume driver ${driver} has no option ${unknown}; ${offered}`);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size in bytes: a number with k, m, g or t (of 1024), as tmpfs and docker write it. */
export function parseSize(option: string, text: string): number {
  const [, digits, unit] = /^(\d+)([bkmgt]?)b?$/.exec(text.trim().toLowerCase()) ?? [];
  const bytes = Number(digits) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw storageError(
    "SLIPWAY_STORAGE_OPTION_INVALID",
    `${option}: ${JSON.stringify(text)} is no size in bytes, such as 64m`,
  );
}
