import { mkdir, writeFile } from "node:fs/promises";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { TestPlatform } from "#test/e2e/platform.ts";
import { awaitSameMachine, takeSnapshot } from "#test/machine/snapshot.ts";
import { homeLayout } from "#contracts/home.ts";
import { countRevoked } from "../credentials.ts";
import { takeHoldings } from "../holdings.ts";
import { untilSameHoldings } from "../same-holdings.ts";
import { type KillRates, runScenario } from "../scenario.ts";
import { prepareSurroundings } from "../surroundings.ts";
import { untilServing, warmUp } from "../warm-up.ts";
import { INSPECTABLE } from "./collect-garbage.ts";
import { PROCESSES, type ProcessSample, sampleProcesses } from "./process-sample.ts";
import { formatReport, isClean, type SoakReport } from "./report.ts";
import { TOLERANCE, trendOf } from "./trend.ts";

const REPORT = join(PACKAGE_ROOT, ".slipway/soak/report.json");
const SAMPLES = 20;
const SETTLE_MS = 30_000;
/** On a busy machine 5,000 starts take half an hour. */
const LIVES_MS = 6 * 3_600_000;
const STORMY: KillRates = { agent: 60, control: 60, gateway: 200, "nats-server": 200, launch: 6 };
const CALM: KillRates = { launch: 6 };

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    // For a machine that is not ours alone: what others change on it meanwhile is not compared.
    shared: { type: "boolean", default: false },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed))
  throw new Error("--count and --seed are whole numbers");

/** Deploys, kills and takes down on a platform of its own; what was found, without the machine. */
async function soak(platform: TestPlatform): Promise<Omit<SoakReport, "machine">> {
  const { signal } = new AbortController();
  const surroundings = await prepareSurroundings(platform);
  await warmUp({ platform, surroundings, seed, signal });
  const samples: ProcessSample[] = await sampleProcesses(platform, 0);
  const before = await takeHoldings(platform);
  const startedAt = performance.now();
  const look = async (starts: number): Promise<void> => {
    await untilServing(platform);
    samples.push(...(await sampleProcesses(platform, starts)));
    console.log(`soak: ${starts} starts, ${Math.round((performance.now() - startedAt) / 1000)} s`);
  };
  const { starts, tally } = await runScenario({
    platform,
    surroundings,
    seed,
    starts: count,
    kills: (done) => (done < count / 2 ? STORMY : CALM),
    onQuiet: { every: Math.ceil(count / SAMPLES), look },
    signal,
  });
  return {
    seed,
    starts,
    seconds: (performance.now() - startedAt) / 1000,
    node: process.version,
    kernel: release(),
    tally: Object.fromEntries(tally.counts),
    revoked: await countRevoked(homeLayout(platform.home)),
    heldMore: await untilSameHoldings(platform, before),
    tolerance: TOLERANCE,
    samples,
    trends: PROCESSES.map((name) => trendOf(name, samples)),
  };
}

console.log(`soak: ${count} starts, seed ${seed}`);
const before = await takeSnapshot();
let found: Omit<SoakReport, "machine">;
{
  await using platform = await TestPlatform.start({ env: INSPECTABLE, livesMs: LIVES_MS });
  found = await soak(platform).catch((cause: unknown) => {
    throw new Error(`${String(cause)}\n${platform.tail()}`, { cause });
  });
}
const differences = values.shared ? [] : await awaitSameMachine(before, SETTLE_MS);
const report = { ...found, machine: differences.map(({ inventory, kind, what }) => `${inventory}: ${kind}: ${what}`) };
await mkdir(dirname(REPORT), { recursive: true });
await writeFile(REPORT, `${JSON.stringify(report, undefined, 2)}\n`);
process.stdout.write(formatReport(report));
process.exitCode = isClean(report) ? 0 : 1;
