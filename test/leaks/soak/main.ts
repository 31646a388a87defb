import { TestPlatform } from "#test/e2e/platform.ts";
import { takeHoldings } from "../holdings.ts";
import { runScenario } from "../scenario.ts";
import { untilSameHoldings } from "../same-holdings.ts";
import { warmUp } from "../warm-up.ts";
import { prepareSurroundings } from "../surroundings.ts";
const starts = Number(process.argv[2]),
  seed = Number(process.argv[3] ?? 1);
const platform = await TestPlatform.start();
console.log(platform.home);
try {
  const surroundings = await prepareSurroundings(platform);
  const scenario = { platform, surroundings, signal: new AbortController().signal };
  let t = performance.now();
  await warmUp({ ...scenario, seed });
  console.log("warm", performance.now() - t);
  t = performance.now();
  const before = await takeHoldings(platform);
  const kills = { agent: 60, control: 60, launch: 6 };
  const { starts: n, tally } = await runScenario({
    ...scenario,
    seed,
    starts,
    kills: (s) => {
      if (s % 20 === 0) console.log(s, Math.round(performance.now() - t));
      return kills;
    },
  });
  console.log(
    n,
    performance.now() - t,
    [...tally.counts]
      .toSorted()
      .map(([a, b]) => `${b} × ${a}`)
      .join("\n"),
  );
  console.log(await untilSameHoldings(platform, before));
} catch (e) {
  console.log(e);
  console.log(platform.tail());
}
if (process.env.HOLD) await new Promise((r) => setTimeout(r, 1e9));
await platform[Symbol.asyncDispose]();
