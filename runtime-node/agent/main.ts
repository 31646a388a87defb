import { writeSync } from "node:fs";
import { collectWhenQuiet } from "#contracts/collect-when-quiet.ts";
import { homeLayout } from "#contracts/home.ts";
import { trimMemory } from "#kernel/libc.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { startTelemetry } from "#telemetry/start.ts";
import { openNode } from "./open-node.ts";
import { readSettings } from "./settings.ts";

// A disk that takes no line of a log must not end who writes it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

/** The agent's process: recovers what runs, then follows this node's assignments until it is asked to end. */
const settings = readSettings(process.env);
const ending = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ending.abort());

using _collection = collectWhenQuiet({ onCollected: trimMemory });
await using telemetry = await startTelemetry({ service: "slipway-agent", version: settings.version, ships: true });
await using node = await openNode({
  kernel: new LinuxKernel(),
  home: homeLayout(settings.home),
  settings,
  telemetry,
  ending,
});
await node.serve(() => {
  if (settings.readyFd !== undefined) writeSync(settings.readyFd, "ready\n");
});
