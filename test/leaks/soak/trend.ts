import type { ProcessSample } from "./process-sample.ts";

const MEBIBYTE = 1024 * 1024;
/**
 * What may be gained over 1,000 starts and still be called flat: an allocator's and a compiler's wandering. Two kilobytes that are kept of each start
 * are twice that. nats-server keeps what it is told to keep (events, by subject) until it is old enough to go.
 */
export const TOLERANCE = {
  heapBytesPerThousand: MEBIBYTE,
  pssBytesPerThousand: 4 * MEBIBYTE,
  natsServerPssBytesPerThousand: 12 * MEBIBYTE,
} as const;
/**
 * In so many starts of a life caches fill and code is compiled, what of it runs often a second time: what is gained then is no slope. Under 4,400 starts at 8 at
 * once the agent's heap grew from 16 to 17.4 MiB up to the 1,200th, and by 0.6 more up to the last; its PSS and nats-server's went alike.
 */
const SETTLING_STARTS = 1_000;
/** Fewer say nothing of a slope. */
const LEAST_SAMPLES = 4;

/** How one process's memory went over its longest life in a run. */
export interface Trend {
  name: string;
  samples: ProcessSample[];
  /** Per 1,000 starts, by least squares; null when the process lived too shortly to tell. */
  pssBytesPerThousand: number | null;
  heapBytesPerThousand: number | null;
  grows: boolean;
}

export function trendOf(name: string, all: readonly ProcessSample[]): Trend {
  const life = longestLife(all.filter((sample) => sample.name === name));
  const settledAt = (life[0]?.starts ?? 0) + SETTLING_STARTS;
  const samples = life.filter(({ starts }) => starts >= settledAt);
  const most = name === "nats-server" ? TOLERANCE.natsServerPssBytesPerThousand : TOLERANCE.pssBytesPerThousand;
  const pssBytesPerThousand = slope(samples, ({ pssBytes }) => pssBytes);
  const heapBytesPerThousand = slope(samples, ({ heapBytes }) => heapBytes);
  const grows = (pssBytesPerThousand ?? 0) > most || (heapBytesPerThousand ?? 0) > TOLERANCE.heapBytesPerThousand;
  return { name, samples, pssBytesPerThousand, heapBytesPerThousand, grows };
}

/** The samples of the pid that lived over most of them. */
function longestLife(samples: readonly ProcessSample[]): ProcessSample[] {
  const lives = [...Map.groupBy(samples, ({ pid }) => pid).values()];
  return lives.toSorted((a, b) => b.length - a.length)[0] ?? [];
}

function slope(samples: readonly ProcessSample[], read: (sample: ProcessSample) => number | null): number | null {
  const points = samples.flatMap((sample) => {
    const value = read(sample);
    return value === null ? [] : [{ x: sample.starts / 1000, y: value }];
  });
  if (points.length < LEAST_SAMPLES) return null;
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const covariance = mean(({ x, y }) => (x - meanX) * (y - meanY));
  return covariance / mean(({ x }) => (x - meanX) ** 2);
}
