import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RUN_MARKER } from "./machine/processes.ts";
import { awaitSameMachine, takeSnapshot } from "./machine/snapshot.ts";

/**
 * `npm test`: verify, then every test, then the machine must be as it was. Arguments go to vitest: `npm test -- gateway`.
 */
const ROOT = join(import.meta.dirname, "..");
const REPORT = join(ROOT, ".slipway/test/tests.json");
const SETTLE_MS = 15_000;

/** Runs a module on this Node, its output ours; returns its exit code. */
async function runNode(module: string, args: string[]): Promise<number> {
  // The package's own commands come first on PATH, as in an npm script: a test that says `node` gets the pinned one.
  const PATH = `${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`;
  const child = spawn(process.execPath, [join(ROOT, module), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH, [RUN_MARKER]: String(process.pid) },
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

async function runTests(args: string[]): Promise<number> {
  await rm(REPORT, { force: true });
  await mkdir(join(REPORT, ".."), { recursive: true });
  return runNode("node_modules/vitest/vitest.mjs", [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${REPORT}`,
    ...args,
  ]);
}

/** Runs the tests between two looks at the machine; returns an exit code. */
async function runOnSameMachine(args: string[]): Promise<number> {
  const before = await takeSnapshot();
  const tested = await runTests(args);
  const differences = await awaitSameMachine(before, SETTLE_MS);
  for (const { inventory, kind, what } of differences) process.stdout.write(`machine: ${inventory}: ${kind}: ${what}\n`);
  const sizes = [...before].map(([name, lines]) => `${lines.size} ${name}`).join(", ");
  process.stdout.write(
    differences.length === 0 ? `machine: as before the tests (${sizes})\n` : "machine: not as before the tests\n",
  );
  return tested === 0 && differences.length > 0 ? 1 : tested;
}

// A finding of verify does not keep the tests from telling theirs.
const verified = await runNode("test/verify/main.ts", []);
const tested = await runOnSameMachine(process.argv.slice(2));
if (verified !== 0) process.stdout.write("verify: failed, see above\n");
process.exitCode = tested === 0 ? verified : tested;
