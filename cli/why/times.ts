import { formatAge } from "../output/quantity.ts";

/** `05:58:30 (3m ago)`, with the date where it is another day's. In the time zone of who reads it. */
export function formatMoment(time: string, now: number): string {
  const date = new Date(time);
  const clock = date.toLocaleTimeString("en-GB");
  const day = date.toDateString() === new Date(now).toDateString() ? "" : `${date.toLocaleDateString("en-CA")} `;
  return `${day}${clock} (${formatAge(time, now)} ago)`;
}

/** `400 ms`, `12 s`. */
export function formatWait(milliseconds: number): string {
  return milliseconds < 1_000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 1_000)} s`;
}
