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
/** Of a life this share is for filling caches and compiling code: what is gained then is no slope. */
const SETTLING = 1 / 3;
/** Fewer say nothing of a slope. */
const LEAST_SAMPLES = 4;

/** How one process's memory went over its longest life in a run. */
export interface Trend {
  name: string;
  samples: ProcessSample[];
  /** Per 1,000 starts, by least squares; null when the process was killed too often to tell. */
  pssBytesPerThousand: number | null;
  heapBytesPerThousand: number | null;
  grows: boolean;
}

export function trendOf(name: string, all: readonly ProcessSample[]): Trend {
  const life = longestLife(all.filter((sample) => sample.name === name));
  const samples = life.slice(Math.floor(life.length * SETTLING));
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
