import { mkdir, rm } from "node:fs/promises";
import { execStreams } from "../container/exec-process.ts";
import type { InstanceRecord } from "../container/instance-record.ts";
import type { Children } from "../launch/children.ts";

const SIGKILL = 9;

/**
 * Ends what a former agent left with the supervisor and nobody will ask about again: processes of exec and health checks, whose callers went
 * with it.
 */
export async function endStrays(children: Children, records: readonly InstanceRecord[]): Promise<void> {
  const awaited = new Set(
    records.filter(({ lifecycle }) => lifecycle.type === "running").map(({ assignment }) => assignment.instanceId),
  );
  const strays = (await children.list()).filter(({ child }) => !awaited.has(child));
  await Promise.all(
    strays.map(async ({ child, state }) => {
      if (state.type === "parked") return;
      if (state.type === "running") await children.signal(child, SIGKILL);
      await children.exitOf(child);
      await children.forget(child);
    }),
  );
}

/** The FIFOs of commands whose callers went with a former agent: those have ended (`endStrays`), and nobody has their streams. */
export async function removeExecStreams(runFolder: string): Promise<void> {
  const folder = execStreams(runFolder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
}
