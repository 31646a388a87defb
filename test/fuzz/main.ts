/** `npm run fuzz [-- --times 100] [FILES…]`: the property tests with other values than `npm test`, and more of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: "string", default: "20" } },
});
const times = Number(values.times);
if (!Number.isInteger(times) || times < 1) throw new Error("--times is a whole number");

const files = positionals.length > 0 ? positionals : [".fuzz.test.ts"];
const child = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...files], {
  cwd: PACKAGE_ROOT,
  stdio: "inherit",
  env: { ...process.env, SLIPWAY_FUZZ_TIMES: String(times) },
});
const [code] = (await once(child, "close")) as [number | null];
process.exitCode = code ?? 1;
