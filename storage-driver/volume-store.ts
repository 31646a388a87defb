import type { VolumeInfo } from "#contracts/api.ts";
import type { VolumeSpec } from "#contracts/project-spec.ts";
import { type DriverChoice, chooseDriver } from "./compose-driver.ts";
import { dataPath } from "./data-folder.ts";
import { storageError } from "./errors.ts";
import { KeyedTurns } from "./keyed-turns.ts";
import type { VolumeAttachment, VolumeDriver } from "./volume-driver.ts";
import { VolumeFolders } from "./volume-folders.ts";
import { type VolumeKey, checkKey, keysOf, volumeName } from "./volume-key.ts";
import { type LeaseRequest, grantLease, keepLeases, refuseInUse } from "./volume-leases.ts";
import { type ReadyVolume, VolumeLifecycle } from "./volume-lifecycle.ts";
import { type VolumeLease, type VolumeRecord, readRecord } from "./volume-record.ts";

export interface VolumeStoreOptions {
  /** The folder of all volumes. */
  root: string;
  drivers: readonly VolumeDriver[];
  /** Told of a volume that had to be passed over, such as one with a damaged record. */
  onProblem?: (key: VolumeKey, error: unknown) => void;
}

/** Who lists volumes waits for all of them. */
const LONGEST_COUNT_MS = 2_000;

/**
 * A node's volumes and who uses them. The records on disk are the truth, one beside each volume's data; the calls for one volume happen one
 * after the other.
 */
export class VolumeStore {
  readonly #folders: VolumeFolders;
  readonly #lifecycle: VolumeLifecycle;
  readonly #onProblem: (key: VolumeKey, error: unknown) => void;
  readonly #turns = new KeyedTurns();

  private constructor(folders: VolumeFolders, options: VolumeStoreOptions) {
    this.#folders = folders;
    this.#lifecycle = new VolumeLifecycle(folders, options.drivers);
    this.#onProblem = options.onProblem ?? ((): void => undefined);
  }

  static async open(options: VolumeStoreOptions): Promise<VolumeStore> {
    return new VolumeStore(await VolumeFolders.open(options.root), options);
  }

  /**
   * Makes the volume unless it is there; true when it was made. Throws SLIPWAY_STORAGE_CHANGED when it is there with another driver or other
   * options, and what is wrong with the request.
   */
  async ensure(project: string, spec: VolumeSpec, signal: AbortSignal): Promise<boolean> {
    const key = { project, volume: spec.name };
    checkKey(key);
    const choice = chooseDriver(spec);
    this.#lifecycle.driver(choice.driver).checkOptions(choice.options);
    return this.#turns.take(volumeName(key), async () => {
      const existing = await this.#lifecycle.settle(key, signal);
      if (existing !== undefined) return refuseChange(existing, choice);
      await this.#refuseNamesake(key);
      await this.#lifecycle.create(key, { ...key, ...choice, labels: spec.labels });
      await this.#lifecycle.settle(key, signal);
      return true;
    });
  }

  /**
   * Gives an instance the use of a volume until `detach`; asking again is the same lease. Throws SLIPWAY_STORAGE_NOT_FOUND,
   * SLIPWAY_STORAGE_ONE_WRITER or SLIPWAY_STORAGE_IDMAP_UNSUPPORTED.
   */
  async attach(key: VolumeKey, request: LeaseRequest, signal: AbortSignal): Promise<VolumeAttachment> {
    return this.#use(key, signal, (ready) => grantLease(ready, request, signal));
  }

  /** Ends an instance's use of a volume. Detaching what is not attached does nothing. */
  async detach(key: VolumeKey, instanceId: string, signal: AbortSignal): Promise<void> {
    await this.#keep(key, (lease) => lease.instanceId !== instanceId, signal);
  }

  /** After a crash: ends the leases of all instances but these. */
  async retainLeases(instanceIds: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const key of await this.#folders.keys()) {
      try {
        await this.#keep(key, (lease) => instanceIds.has(lease.instanceId), signal);
      } catch (error) {
        signal.throwIfAborted();
        this.#onProblem(key, error);
      }
    }
  }

  /** Deletes a volume with its data. Throws SLIPWAY_STORAGE_NOT_FOUND or SLIPWAY_STORAGE_IN_USE. */
  async remove(key: VolumeKey, signal: AbortSignal): Promise<void> {
    await this.#use(key, signal, async (ready) => {
      refuseInUse(ready);
      await this.#lifecycle.remove(key, ready, signal);
    });
  }

  /** The volume of a full name, `<project>_<volume>`. Throws SLIPWAY_STORAGE_NOT_FOUND. */
  async find(name: string): Promise<VolumeKey> {
    for (const key of keysOf(name)) if ((await readRecord(this.#folders.path(key))) !== undefined) return key;
    throw await this.#notFound(name);
  }

  /** Every volume, or one project's. What each takes is for `inspect` to say: counting it may take long. */
  async list(project?: string): Promise<VolumeInfo[]> {
    const keys = (await this.#folders.keys()).filter((key) => project === undefined || key.project === project);
    const infos = await Promise.all(keys.map((key) => this.#listed(key)));
    return infos.filter((info) => info !== undefined);
  }

  /** What it takes is null when that could not be counted within two seconds: a volume may hold millions of files. */
  async inspect(key: VolumeKey, signal: AbortSignal): Promise<VolumeInfo> {
    const { record, driver, volume } = await this.#use(key, signal, async (ready) => ready);
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(LONGEST_COUNT_MS);
    const stats = await driver.stats(volume, AbortSignal.any([signal, limit])).catch((error: unknown) => {
      if (!limit.aborted || signal.aborted) throw error;
    });
    return this.#info(record, stats?.usedBytes ?? null);
  }

  async #use<Result>(key: VolumeKey, signal: AbortSignal, task: (ready: ReadyVolume) => Promise<Result>): Promise<Result> {
    checkKey(key);
    return this.#turns.take(volumeName(key), async () => {
      const ready = await this.#lifecycle.settle(key, signal);
      if (ready === undefined) throw await this.#notFound(volumeName(key));
      return task(ready);
    });
  }

  async #keep(key: VolumeKey, keeps: (lease: VolumeLease) => boolean, signal: AbortSignal): Promise<void> {
    checkKey(key);
    await this.#turns.take(volumeName(key), async () => {
      const ready = await this.#lifecycle.settle(key, signal);
      if (ready !== undefined) await keepLeases(ready, keeps, signal);
    });
  }

  async #listed(key: VolumeKey): Promise<VolumeInfo | undefined> {
    try {
      const record = await readRecord(this.#folders.path(key));
      return record === undefined || record.state === "removing" ? undefined : this.#info(record, null);
    } catch (error) {
      this.#onProblem(key, error);
      return undefined;
    }
  }

  #info(record: VolumeRecord, usedBytes: number | null): VolumeInfo {
    return {
      name: volumeName(record),
      project: record.project,
      driver: record.driver,
      path: dataPath({ folder: this.#folders.path(record) }),
      usedBytes,
      createdAt: record.createdAt,
      usedBy: record.leases.map(({ instanceId }) => instanceId),
    };
  }

  /** Volume `b_c` of project `a` and volume `c` of project `a_b` would have one name, by which people call them. */
  async #refuseNamesake(key: VolumeKey): Promise<void> {
    for (const other of keysOf(volumeName(key))) {
      if ((await readRecord(this.#folders.path(other))) === undefined) continue;
      throw storageError(
        "SLIPWAY_STORAGE_NAME_TAKEN",
        `volume ${key.volume} of project ${key.project} would be called ${volumeName(key)}, as is volume ${other.volume} of project ${other.project}`,
      );
    }
  }

  async #notFound(name: string): Promise<Error> {
    const names = (await this.list()).map((volume) => volume.name);
    const known = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
    return storageError("SLIPWAY_STORAGE_NOT_FOUND", `there is no volume ${name}; ${known}`);
  }
}

function refuseChange({ record, volume }: ReadyVolume, choice: DriverChoice): false {
  const described = ({ driver, options }: DriverChoice): string => {
    const pairs = Object.entries(options).toSorted(([a], [b]) => a.localeCompare(b));
    return [driver, ...pairs.map(([name, value]) => `${name}=${value}`)].join(" ");
  };
  const [old, wanted] = [described(record), described(choice)];
  if (old === wanted) return false;
  throw storageError(
    "SLIPWAY_STORAGE_CHANGED",
    `volume ${volume.name} was made as ${old} and is now asked for as ${wanted}`,
  );
}
