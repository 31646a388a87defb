import type { TestPlatform } from "#test/e2e/platform.ts";
import { until } from "#test/e2e/until.ts";
import { runScenario, type ScenarioOptions } from "./scenario.ts";

const STARTS = 20;
const BACK_MS = 60_000;

/** What is made once (an account of `run`, a folder, a file of state) is there from here on, and agent and control have begun anew. */
export async function warmUp({
  platform,
  surroundings,
  seed,
  signal,
}: Omit<ScenarioOptions, "starts" | "kills">): Promise<void> {
  await runScenario({ platform, surroundings, seed: seed + 1, starts: STARTS, kills: () => ({}), signal });
  // What each platform makes once: the account of `run`, the init, the folder for the streams of commands, the list of exposed directories.
  await platform.ok(["run", "--rm", "--init", "-v", `${await platform.scratch("warm")}:/warm`, "host", "true"]);
  await Promise.all([platform.crash("agent"), platform.crash("control")]);
  await untilServing(platform);
  // Starts the Worker that holds the traces.
  await platform.ok(["trace", "ls"]);
}

/** `image ls` asks the agent through the control process. */
export async function untilServing(platform: TestPlatform): Promise<void> {
  await until(
    () => platform.slipway(["image", "ls"]),
    ({ exitCode }) => exitCode === 0,
    BACK_MS,
  );
}
