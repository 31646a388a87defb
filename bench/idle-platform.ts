import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type Contender, OURS } from "./harness/bench.ts";
import { cpuMsOf, processesNamed, pssKb } from "./harness/memory.ts";
import { rounded } from "./harness/quantiles.ts";
import { startDocker } from "./peers/docker.ts";
import { startPlatform } from "./peers/platform.ts";

const WATCH_SECONDS = 60;
const QUICK_SECONDS = 10;
const SETTLE_SECONDS = 15;

export const bench: Bench = {
  title: "An idle platform",
  method: `PSS of all its processes, and their CPU time over ${WATCH_SECONDS} s, ${SETTLE_SECONDS} s after they were ready; dockerd with its containerd in the same minute.`,
  targets: [
    { kind: "limit", metric: "pssMb", atMost: 200 },
    { kind: "limit", metric: "cpuPercent", atMost: 1 },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const platform = stack.use(await startPlatform(context));
    const docker = await context.peer("docker", async () => stack.use(await startDocker(context)));
    const watched = [{ name: OURS, pids: platform.pids() }];
    if (docker !== undefined) watched.push({ name: "dockerd + containerd", pids: processesNamed("dockerd", "containerd") });
    await delay(SETTLE_SECONDS * 1000);
    const seconds = context.isQuick ? QUICK_SECONDS : WATCH_SECONDS;
    const before = watched.map(({ pids }) => pids.map(cpuMsOf));
    await delay(seconds * 1000);
    return watched.map(({ name, pids }, index): Contender => {
      const cpu = pids.map((pid, position) => cpuMsOf(pid) - (before[index]?.[position] ?? 0));
      const pss = pids.map((pid) => rounded(pssKb(pid) / 1024));
      context.note(`${name}, by process: PSS ${pss.join(", ")} MB; CPU ${cpu.join(", ")} ms.`);
      return { name, metrics: { pssMb: rounded(sum(pss)), cpuPercent: rounded(sum(cpu) / (seconds * 10)) } };
    });
  },
};

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
