import type { BenchContext, Contender } from "./bench.ts";
import { mean, median, percentile, rounded } from "./quantiles.ts";

export interface Contestant {
  name: string;
  /** What is timed. */
  once(): Promise<void>;
  /** Puts things back between two rounds; not timed. */
  afterwards?(): Promise<void> | void;
}

interface Sample {
  wallMs: number;
  cpuMs: number;
}

/**
 * Contestants take turns, round by round, so that what else the machine does falls on all of them. CPU time is that of all processes
 * that take part. One that fails in its warm-up is left out, by name.
 */
export async function contest(
  context: BenchContext,
  contestants: readonly Contestant[],
  { rounds, warmUp = 3 }: { rounds: number; warmUp?: number },
): Promise<Contender[]> {
  const racing: { contestant: Contestant; samples: Sample[] }[] = [];
  for (const contestant of contestants) {
    const warm = await context.peer(contestant.name, async () => {
      for (let turn = 0; turn < warmUp; turn++) await takeTurn(context, contestant);
      return contestant;
    });
    if (warm !== undefined) racing.push({ contestant, samples: [] });
  }
  const count = context.isQuick ? Math.min(rounds, 5) : rounds;
  for (let round = 0; round < count; round++) {
    for (const { contestant, samples } of racing) samples.push(await takeTurn(context, contestant));
  }
  return racing.map(({ contestant, samples }) => ({ name: contestant.name, metrics: summary(samples) }));
}

async function takeTurn({ cpu }: BenchContext, contestant: Contestant): Promise<Sample> {
  const [cpuBefore, before] = [cpu.totalMs(), performance.now()];
  await contestant.once();
  const sample = { wallMs: performance.now() - before, cpuMs: cpu.totalMs() - cpuBefore };
  await contestant.afterwards?.();
  return sample;
}

function summary(samples: readonly Sample[]): Record<string, number> {
  const walls = samples.map(({ wallMs }) => wallMs);
  return {
    p50Ms: rounded(median(walls)),
    p99Ms: rounded(percentile(walls, 99)),
    minMs: rounded(Math.min(...walls)),
    cpuMs: rounded(mean(samples.map(({ cpuMs }) => cpuMs))),
    rounds: samples.length,
  };
}
