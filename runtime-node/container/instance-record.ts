import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchReport } from "#contracts/api.ts";
import type { HomeLayout } from "#contracts/home.ts";
import type { Assignment, HealthState } from "#contracts/instance.ts";
import { replaceFile } from "#contracts/replace-file.ts";
import type { Healthcheck } from "#contracts/service-spec.ts";
import type { ProcessLaunch } from "../launch/container-launch.ts";
import type { Lifecycle, Running } from "./lifecycle.ts";
import type { ConnectedNetworks } from "./node-services.ts";

const RECORD = "record.json";

export type InstancePlaces = Pick<HomeLayout, "instances" | "runInstances">;

/** What is kept of an instance, so that the next agent goes on where this one was. */
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
  /** Its volumes have been filled: they are found as they were left from then on, be they empty. */
  hasLaunched?: boolean;
  imageDigest: string | null;
  /** What its image says where the service is silent. */
  imageDefaults: { stopSignal?: string | undefined; healthcheck?: Healthcheck | undefined };
  /** Of the latest start. */
  addresses: Record<string, string>;
  ports: ConnectedNetworks["ports"];
  /** What the latest start executed: an exec inherits its environment and privileges. */
  process: ProcessLaunch | null;
}

/**
 * An instance's two folders, both 0700: `<home>/instances/<id>/` for what outlives a boot, `/run/slipway/<hash>/instances/<id>/`, in memory, for the
 * rest. The record is in both: the one in memory is the newest, the one on disk says after a boot what ran before.
 */
export class InstanceFolder {
  readonly path: string;
  readonly run: string;

  constructor({ instances, runInstances }: InstancePlaces, instanceId: string) {
    this.path = join(instances, instanceId);
    this.run = join(runInstances, instanceId);
  }

  get record(): string {
    return join(this.path, RECORD);
  }
  get newestRecord(): string {
    return join(this.run, RECORD);
  }
  get upper(): string {
    return join(this.path, "upper");
  }
  get work(): string {
    return join(this.path, "work");
  }
  get files(): string {
    return join(this.run, "files");
  }
  get secrets(): string {
    return join(this.run, "secrets");
  }
  /** On disk: /run is often mounted nodev. */
  get devices(): string {
    return join(this.path, "devices");
  }
  get logs(): string {
    return join(this.path, "logs");
  }
  get launchReport(): string {
    return join(this.run, "launch.json");
  }
  get health(): string {
    return join(this.run, "health");
  }
  stream(name: "stdin" | "stdout" | "stderr"): string {
    return join(this.path, `${name}.fifo`);
  }

  async create(): Promise<void> {
    mkdirSync(this.run, { recursive: true, mode: 0o700 });
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }

  /** For the next agent, at once. */
  save(record: InstanceRecord): void {
    replaceFile(this.newestRecord, JSON.stringify(record));
  }

  /** For the next agent at once, and for the next boot when it resolves. */
  async saveDurably(record: InstanceRecord): Promise<void> {
    this.save(record);
    await writeDurably(this.record, JSON.stringify(record));
  }

  /** For `inspect --plan` alone: it must not cost a container that runs. */
  saveLaunchReport(report: LaunchReport): void {
    try {
      replaceFile(this.launchReport, JSON.stringify(report));
    } catch (error) {
      console.error(`the launch report ${this.launchReport} is not written:`, error);
    }
  }

  /** Of the process that started then: the next agent goes on with it, and takes no route from a container that is well. */
  saveHealth(startTime: number, health: HealthState): void {
    replaceFile(this.health, `${startTime} ${health}`);
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
    rmSync(this.run, { recursive: true, force: true });
  }

  /** The newest record of every instance; a folder without one was never begun and is removed. */
  static async readAll(places: InstancePlaces): Promise<InstanceRecord[]> {
    for (const folder of [places.instances, places.runInstances]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const ids = new Set([...(await readdir(places.instances)), ...(await readdir(places.runInstances))]);
    const records: InstanceRecord[] = [];
    for (const instanceId of ids) {
      const folder = new InstanceFolder(places, instanceId);
      const record = readNewestRecord(folder);
      if (record === undefined) await folder.remove();
      else {
        // A boot has taken its half in memory.
        await folder.create();
        records.push(record);
      }
    }
    return records;
  }
}

/** What an instance's record says; undefined when there is none. A file that a power cut has emptied is none. */
function readNewestRecord({
  newestRecord,
  record,
}: Pick<InstanceFolder, "newestRecord" | "record">): InstanceRecord | undefined {
  for (const path of [newestRecord, record]) {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as InstanceRecord;
    } catch (error) {
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw error;
    }
  }
  return undefined;
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
