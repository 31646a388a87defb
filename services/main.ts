import { closeSync, writeSync } from "node:fs";
import { collectWhenQuiet } from "#contracts/collect-when-quiet.ts";
import { startTelemetry } from "#telemetry/start.ts";
import { startControlProcess } from "./control-process.ts";
import { parseEnvironment } from "./environment.ts";
import { logToStderr } from "./state/log.ts";
import { packageVersion } from "./version-info.ts";

// A disk that takes no line of a log must not end who writes it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

/** The control process: API and controller. SIGTERM and SIGINT end it cleanly; instances run on. */
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort(new Error(signal)));

try {
  using _collection = collectWhenQuiet();
  const environment = await parseEnvironment(process.env);
  await using telemetry = await startTelemetry({
    service: "slipway-control",
    version: await packageVersion(),
    ships: true,
  });
  await using _control = await startControlProcess(environment, stopping.signal, telemetry);
  if (environment.readyFd !== undefined) sayReady(environment.readyFd);
  if (!stopping.signal.aborted) {
    const stopped = Promise.withResolvers<void>();
    stopping.signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await stopped.promise;
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    logToStderr("control")("the control process ends", error);
    process.exitCode = 1;
  }
}

function sayReady(fd: number): void {
  writeSync(fd, "ready\n");
  closeSync(fd);
}
