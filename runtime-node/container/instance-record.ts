import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchReport } from "#contracts/api.ts";
import type { Assignment, HealthState } from "#contracts/instance.ts";
import type { Healthcheck } from "#contracts/service-spec.ts";
import type { ProcessLaunch } from "../launch/container-launch.ts";
import type { Lifecycle, Running } from "./lifecycle.ts";
import type { ConnectedNetworks } from "./node-services.ts";

/** What is kept of an instance on disk, so that the next agent goes on where this one was. */
export interface InstanceRecord {
  assignment: Assignment;
  /** First host id of its 65,536. */
  idBase: number;
  lifecycle: Lifecycle;
  /**
   * What its lifecycle is from the moment that its process is let go: on disk before that, so that an agent that finds the process knows it for
   * this instance's own and does not start it a second time.
   */
  launching?: Running | undefined;
  imageDigest: string | null;
  /** What its image says where the service is silent. */
  imageDefaults: { stopSignal?: string | undefined; healthcheck?: Healthcheck | undefined };
  /** Of the latest start. */
  addresses: Record<string, string>;
  ports: ConnectedNetworks["ports"];
  /** What the latest start executed: an exec inherits its environment and privileges. */
  process: ProcessLaunch | null;
}

/** An instance's folder: `<home>/instances/<id>/`, 0700. */
export class InstanceFolder {
  readonly path: string;

  constructor(instances: string, instanceId: string) {
    this.path = join(instances, instanceId);
  }

  get record(): string {
    return join(this.path, "record.json");
  }
  get upper(): string {
    return join(this.path, "upper");
  }
  get work(): string {
    return join(this.path, "work");
  }
  get files(): string {
    return join(this.path, "files");
  }
  get secrets(): string {
    return join(this.path, "secrets");
  }
  get devices(): string {
    return join(this.path, "devices");
  }
  get logs(): string {
    return join(this.path, "logs");
  }
  get launchReport(): string {
    return join(this.path, "launch.json");
  }
  get health(): string {
    return join(this.path, "health");
  }
  stream(name: "stdin" | "stdout" | "stderr"): string {
    return join(this.path, `${name}.fifo`);
  }

  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }

  async save(record: InstanceRecord): Promise<void> {
    await writeDurably(this.record, JSON.stringify(record));
  }

  /** For `inspect --plan` alone: a disk that is full, or a crash, may cost it, and must not cost a container that runs. */
  async saveLaunchReport(report: LaunchReport): Promise<void> {
    const unfinished = `${this.launchReport}.new`;
    try {
      await writeFile(unfinished, JSON.stringify(report), { mode: 0o600 });
      await rename(unfinished, this.launchReport);
    } catch (error) {
      await rm(unfinished, { force: true });
      console.error(`the launch report ${this.launchReport} is not written:`, error);
    }
  }

  /** Of the process that started then: the next agent goes on with it, and takes no route from a container that is well. */
  saveHealth(startTime: number, health: HealthState): void {
    writeFileSync(`${this.health}.new`, `${startTime} ${health}`, { mode: 0o600 });
    renameSync(`${this.health}.new`, this.health);
  }

  /** What was last known of the process that started then; `starting` when nothing was. */
  readHealth(startTime: number): HealthState {
    try {
      const [of, health] = readFileSync(this.health, "utf8").split(" ");
      return of === String(startTime) ? (health as HealthState) : "starting";
    } catch {
      return "starting";
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** Every record on disk; a folder without one was never begun and is removed. */
  static async readAll(instances: string): Promise<InstanceRecord[]> {
    await mkdir(instances, { recursive: true, mode: 0o700 });
    const records: InstanceRecord[] = [];
    for (const instanceId of await readdir(instances)) {
      const folder = new InstanceFolder(instances, instanceId);
      const text = await readFile(folder.record, "utf8").catch(() => undefined);
      if (text === undefined) await folder.remove();
      else records.push(JSON.parse(text) as InstanceRecord);
    }
    return records;
  }
}

/** Written to a temporary name, fsynced and renamed: a crash leaves the old text or the new. */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
