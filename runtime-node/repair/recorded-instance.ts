import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";

/** What `doctor --repair` must know of an instance (container/instance-record.ts). */
export interface RecordedInstance {
  lifecycle: { type: string };
  launching?: object;
}

/** The newest record of an instance; undefined when there is none. */
export function readRecordedInstance(
  { instances, runInstances }: HomeLayout,
  instanceId: string,
): RecordedInstance | undefined {
  for (const folder of [runInstances, instances]) {
    try {
      return JSON.parse(readFileSync(join(folder, instanceId, "record.json"), "utf8")) as RecordedInstance;
    } catch {
      // Not there, or cut short: then what the other place says.
    }
  }
  return undefined;
}
