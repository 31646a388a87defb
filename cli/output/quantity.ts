const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes for a person, in powers of 1000 as docker prints them: `12.3MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)}${SIZE_UNITS[unit]}`;
}

const AGE_UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/** How long ago: `3d`, `5h`, `12m`, `8s`. */
export function formatAge(time: string | null, now: number): string {
  if (time === null) return "-";
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  const [unit, factor] = AGE_UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
  return Number.isNaN(seconds) ? time : `${Math.floor(seconds / factor)}${unit}`;
}

/** Nanoseconds for a person, three digits and a unit: `12 µs`, `3.4 ms`, `1.83 s`. */
export function formatDuration(nanoseconds: number): string {
  const microseconds = nanoseconds / 1e3;
  if (microseconds < 999.5) return `${microseconds.toFixed(microseconds < 9.95 ? 1 : 0)} µs`;
  const milliseconds = microseconds / 1e3;
  if (milliseconds < 999.5) return `${milliseconds.toFixed(milliseconds < 9.95 ? 2 : milliseconds < 99.5 ? 1 : 0)} ms`;
  return `${(milliseconds / 1e3).toFixed(2)} s`;
}
