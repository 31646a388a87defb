import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { collectWhenQuiet } from "#contracts/collect-when-quiet.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { startTelemetry } from "#telemetry/start.ts";
import { parseEnvironment } from "./environment.ts";
import { errorFields, logToStderr } from "./log.ts";
import { runGateway } from "./run-gateway.ts";

// A disk that takes no line of a log must not end who writes it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const stop = new AbortController();
// Asked twice (by a supervisor, and by the one it became in place), it still drains.
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort());

async function main(): Promise<void> {
  using _collection = collectWhenQuiet();
  const environment = parseEnvironment(process.env);
  const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  await using telemetry = await startTelemetry({ service: "slipway-gateway", version, ships: true });
  await runGateway(environment, { log: logToStderr, telemetry, signal: stop.signal });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  logToStderr("error", "the gateway cannot go on", errorFields(error));
  process.exit(1);
}
