import { LONGEST_DURATION_MS } from "../wire-names.ts";

const UNIT_MS: Record<string, number> = {
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const DURATION = /^(\d+(\.\d+)?(us|µs|ms|s|m|h|d|w))+$/;

/**
 * Compose Specification, "Specifying durations": `1m30s`, `500ms`. In milliseconds, rounded up to a whole one.
 * @throws RangeError
 */
export function parseDurationMs(text: string): number {
  if (/^\d+$/.test(text) && Number(text) > 0)
    throw new RangeError(`the duration ${JSON.stringify(text)} has no unit (${text}s, ${text}ms)`);
  if (text === "0") return 0;
  if (!DURATION.test(text)) throw new RangeError(`${JSON.stringify(text)} is no duration (as in 1m30s, 500ms)`);
  let total = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(us|µs|ms|s|m|h|d|w)/g))
    total += Number(amount) * UNIT_MS[unit!]!;
  if (total > LONGEST_DURATION_MS)
    throw new RangeError(`the duration ${JSON.stringify(text)} is too long (at most 24 days)`);
  return Math.ceil(total);
}

const SIZE_FACTORS: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/**
 * Compose Specification, "Specifying byte values": `64m`, `1.5gb`, `1048576`; powers of 1024 whatever the spelling (kb, kib).
 * @throws RangeError
 */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?(b?)$/i.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no size in bytes (as in 64m, 1.5gb, 1048576)`);
  const bytes = Math.floor(Number(match[1]) * SIZE_FACTORS[match[2]!.toLowerCase()]!);
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`the size ${JSON.stringify(text)} is too large`);
  return bytes;
}

/** Permission bits, written in octal as `chmod` takes them. @throws RangeError */
export function parseMode(text: string): number {
  if (!/^(0o?)?[0-7]{1,4}$/.test(text))
    throw new RangeError(`${JSON.stringify(text)} is no mode in octal (as in 1777, 0755)`);
  return Number.parseInt(text.replace(/^0o/, ""), 8);
}
