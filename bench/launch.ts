import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { ScratchNode } from "../test/containers/scratch-node.ts";
import { OciBundle } from "./launch/oci-bundle.ts";
import { median, percentile } from "./launch/quantiles.ts";

const ROUNDS = 60;
const WARM_UP = 5;

type Launch = () => Promise<void>;

/**
 * From the request to the reaped exit of `/bin/true` on a busybox root with all namespaces, id maps, cgroup, seccomp: our launch in
 * this process (as the supervisor makes it), and OCI runtimes as their users start them, one after the other in each round.
 */
await using node = new ScratchNode();
using bundle = new OciBundle(join(node.folder, "layer"));
const contenders: Record<string, Launch> = {
  slipway: async () => {
    const { status } = await node.run({ command: ["/bin/true"] });
    if (status.code !== 0) throw new Error(`slipway: exit ${status.code}`);
  },
};
for (const runtime of bundle.runtimes()) contenders[runtime] = async () => bundle.run(runtime);

const times: Record<string, number[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const [name, launch] of Object.entries(contenders)) {
    const before = performance.now();
    await launch();
    if (round >= 0) times[name]?.push(performance.now() - before);
  }
}

const ours = median(times["slipway"] ?? []);
const results = Object.entries(times).map(([name, samples]) => ({
  name,
  p50Ms: Number(median(samples).toFixed(2)),
  p95Ms: Number(percentile(samples, 95).toFixed(2)),
  ratioToSlipway: Number((median(samples) / ours).toFixed(2)),
}));
console.table(results);
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
const report = { bench: "launch", rounds: ROUNDS, kernel: release(), cpus: cpus().length, load: loadavg()[0], results };
writeFileSync(join(folder, "launch.json"), `${JSON.stringify(report, null, 2)}\n`);
