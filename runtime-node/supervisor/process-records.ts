import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ProcessRecord } from "#contracts/process-record.ts";
import { startTimeOf } from "#kernel/pidfd.ts";
import type { ProcessSpec } from "./process-spec.ts";

/** The platform's processes of now, in a file of the run folder: by pid and start time, with the version they run. */
export class ProcessRecords {
  readonly #file: string;
  readonly #processes = new Map<string, ProcessRecord>();

  constructor(file: string) {
    this.#file = file;
    for (const process of readRecords(file)) this.#processes.set(process.name, process);
  }

  get all(): ProcessRecord[] {
    return [...this.#processes.values()];
  }

  find(name: string): ProcessRecord | undefined {
    return this.#processes.get(name);
  }

  record({ name, version }: Pick<ProcessSpec, "name" | "version">, pid: number): void {
    const startTime = startTimeOf(pid);
    if (startTime === undefined) return;
    this.#processes.set(name, { name, pid, startTime, version });
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.all), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function readRecords(file: string): ProcessRecord[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessRecord[];
  } catch {
    return [];
  }
}
