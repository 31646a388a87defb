import { writeSync } from "node:fs";
import { collectWhenQuiet } from "#contracts/collect-when-quiet.ts";
import { trimMemory } from "#kernel/libc.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import { CHECK_FLAG, describeProgram } from "./check-program.ts";
import { serverError } from "./errors.ts";
import { enterOwnMountNamespace } from "./own-mounts.ts";
import { parseServerOptions } from "./server-options.ts";
import { runServer } from "./server.ts";

// Who read what we say may be gone (a closed terminal, a log's pipe): that is no reason to leave processes and interfaces behind.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

// Each launch holds one of libuv's threads from its clone to its exec. With Node's four, the fifth of several at once waits for a network to be
// wired, and we spin for its pid. Read at the pool's first use, which is yet to come.
const LAUNCHES_AT_ONCE = "16";
process.env["UV_THREADPOOL_SIZE"] ??= LAUNCHES_AT_ONCE;

/** `slipway server`: exits 0 when it was asked to end, 125 with the reason when it could not start. */
try {
  const [first, ...rest] = process.argv.slice(2);
  if (first === CHECK_FLAG) {
    writeSync(1, await describeProgram(rest));
    process.exit(0);
  }
  const options = parseServerOptions(process.argv.slice(2));
  if (process.getuid?.() !== 0) {
    throw serverError("SLIPWAY_SERVER_NOT_ROOT", "the server makes namespaces, mounts and networks, and needs root for it");
  }
  const kernel = new LinuxKernel();
  enterOwnMountNamespace(kernel);
  using _collection = collectWhenQuiet({ onCollected: trimMemory });
  await runServer(kernel, options);
  process.exit(0);
} catch (error) {
  const { message, code, remedy, exitCode, cause } = toSlipwayError(error);
  console.error(`slipway: ${message} [${code}]\n  → ${remedy}`);
  if (code === "SLIPWAY_INTERNAL") console.error(cause);
  process.exit(exitCode);
}
