import type { CpuMeter } from "./cpu-meter.ts";

/** What is measured of a contender, by name: `p50Ms`, `cpuMs`, `startsPerSecond`. The unit is the end of the name. */
export type Metrics = Record<string, number>;

export interface Contender {
  name: string;
  metrics: Metrics;
}

/** What the issue asks. `advantage` is how many times better than the peer; `limit` a number of our own. */
export type Target =
  | { kind: "advantage"; metric: string; over: string; atLeast: number; more?: "is better" }
  | { kind: "limit"; metric: string; atMost: number }
  | { kind: "limit"; metric: string; atLeast: number };

export interface BenchContext {
  /** A folder of this run's own, on a disk; removed afterwards. */
  folder: string;
  /** Names this run: cgroups of peers are under one of this name. */
  run: string;
  /** Few rounds, to see that it works. */
  isQuick: boolean;
  cpu: CpuMeter;
  /** Names a top-level cgroup that is made besides: its CPU time is counted, and it is removed afterwards. */
  ownCgroup(name: string): void;
  /** Has peers come to life; one that cannot is named in the results with its reason. */
  peer<T>(name: string, open: () => Promise<T> | T): Promise<T | undefined>;
  note(text: string): void;
}

export interface Bench {
  title: string;
  /** How it is measured, in a sentence or two. */
  method: string;
  targets: readonly Target[];
  /** Ours is named "slipway". */
  measure(context: BenchContext): Promise<Contender[]>;
}

export const OURS = "slipway";
