import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { composeFile, shellService } from "#test/e2e/apps.ts";
import { until } from "#test/e2e/until.ts";
import { usePlatform } from "#test/e2e/use-platform.ts";
import type { Surroundings } from "./features.ts";
import { takeHoldings } from "./holdings.ts";
import { type KillRates, runScenario } from "./scenario.ts";
import { untilSameHoldings } from "./same-holdings.ts";
import { prepareSurroundings } from "./surroundings.ts";
import { warmUp } from "./warm-up.ts";

const SEED = Number(process.env.SLIPWAY_LEAK_SEED ?? Date.now() % 1_000_000);
const STARTS = 300;
const KILLS: KillRates = { agent: 60, control: 60, launch: 6 };
const TIMEOUT_MS = 15 * 60_000;

const platform = usePlatform();
let surroundings: Surroundings;

beforeAll(async () => {
  surroundings = await prepareSurroundings(platform());
}, 60_000);

test(
  `${STARTS} starts and stops with kills of agent, control and launches leave nothing behind`,
  { timeout: TIMEOUT_MS },
  async ({ signal }) => {
    process.stderr.write(`leaks: seed ${SEED}\n`);
    const scenario = { platform: platform(), surroundings, signal };
    await warmUp({ ...scenario, seed: SEED });
    const before = await takeHoldings(platform());
    const { starts, tally } = await runScenario({ ...scenario, seed: SEED, starts: STARTS, kills: () => KILLS });
    const counts = [...tally.counts].map(([what, count]) => `${count} × ${what}`);
    process.stderr.write(`leaks: ${starts} starts: ${counts.join(", ")}\n`);
    expect(await untilSameHoldings(platform(), before)).toEqual([]);
  },
);

test("an instance that cannot be taken over keeps no other from being, and is ended", { timeout: 120_000 }, async () => {
  const sleeper = shellService("exec sleep 1000");
  await using project = await platform().compose(composeFile({ spoilt: sleeper, sound: sleeper }), "takeover");
  await project.up();
  const [spoilt, sound] = [await project.instance("spoilt"), await project.instance("sound")];
  const logs = join(homeLayout(platform().home).instances, spoilt.id, "logs");
  await rm(logs, { recursive: true });
  await writeFile(logs, "");
  await platform().crash("agent");
  const now = await until(
    () => project.ps(),
    (all) => all.some(({ id, state }) => id === spoilt.id && state === "exited"),
    90_000,
  );
  expect(now.find(({ service }) => service === "sound")).toMatchObject({ id: sound.id, pid: sound.pid, state: "running" });
  expect(existsSync(`/proc/${spoilt.pid}`)).toBe(false);
});
