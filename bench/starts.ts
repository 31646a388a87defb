import { type Bench, type BenchContext, type Contender, OURS } from "./harness/bench.ts";
import { median, percentile, rounded } from "./harness/quantiles.ts";
import { startContainerd } from "./peers/containerd.ts";
import { publishBusybox } from "./peers/image.ts";
import { startPlatform } from "./peers/platform.ts";
import { configurePodman } from "./peers/podman.ts";
import { PlatformApi } from "./starts/platform-api.ts";

const SECONDS = 60;
const PEER_SECONDS = 20;
const QUICK_SECONDS = 8;
const AT_ONCE = 8;

export const bench: Bench = {
  title: "Starts a second, one node",
  method:
    `\`/bin/true\` of busybox with a bridge network, started, ended and removed, ${AT_ONCE} at once: ours for ${SECONDS} s by its API (as \`run --rm\` asks it), podman and ctr for ${PEER_SECONDS} s by their ` +
    "programs, which are their API on one machine. Flatness is the last third's rate by the first third's.",
  targets: [
    { kind: "limit", metric: "startsPerSecond", atLeast: 150 },
    { kind: "limit", metric: "flatness", atLeast: 0.9 },
    { kind: "advantage", metric: "startsPerSecond", over: "podman", atLeast: 1, more: "is better" },
    { kind: "advantage", metric: "startsPerSecond", over: "ctr", atLeast: 1, more: "is better" },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const { reference } = stack.use(await publishBusybox(context.folder));
    const seconds = (wanted: number): number => (context.isQuick ? QUICK_SECONDS : wanted);
    const platform = stack.use(await startPlatform(context));
    await platform.cli("image", "pull", reference);
    using api = new PlatformApi(platform.home);
    const ours = await measureStarts(context, OURS, seconds(SECONDS), () => api.runOne(reference));
    const podman = await context.peer("podman", async () => {
      const one = configurePodman(context);
      await one.cli("pull", reference);
      return measureStarts(context, "podman", seconds(PEER_SECONDS), () => one.cli("run", "--rm", reference, "true"));
    });
    const ctr = await context.peer("ctr", async () => {
      const one = stack.use(await startContainerd(context));
      await one.ctr("image", "pull", "--plain-http", reference);
      let count = 0;
      return measureStarts(context, "ctr", seconds(PEER_SECONDS), () => {
        const id = `c${++count}`;
        return one.ctr("run", "--rm", "--cgroup", `/${context.run}/ctr/${id}`, reference, id, "/bin/true");
      });
    });
    if (ctr !== undefined) context.note("ctr gives its containers no network.");
    return [ours, podman, ctr].filter((one): one is Contender => one !== undefined);
  },
};

/** Keeps so many under way until the time is over. */
async function measureStarts(
  context: BenchContext,
  name: string,
  seconds: number,
  start: () => Promise<unknown>,
): Promise<Contender> {
  await start();
  const [cpuBefore, begin] = [context.cpu.totalMs(), performance.now()];
  const ends: { at: number; tookMs: number }[] = [];
  const worker = async (): Promise<void> => {
    while (performance.now() - begin < seconds * 1000) {
      const before = performance.now();
      await start();
      const now = performance.now();
      ends.push({ at: (now - begin) / 1000, tookMs: now - before });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const lasted = (performance.now() - begin) / 1000;
  const inThird = (third: number): number => ends.filter(({ at }) => Math.floor((at * 3) / seconds) === third).length;
  const times = ends.map(({ tookMs }) => tookMs);
  const metrics = {
    startsPerSecond: rounded(ends.length / lasted),
    flatness: rounded(inThird(2) / inThird(0)),
    p50Ms: rounded(median(times)),
    p99Ms: rounded(percentile(times, 99)),
    cpuMs: rounded((context.cpu.totalMs() - cpuBefore) / ends.length),
    starts: ends.length,
  };
  return { name, metrics };
}
