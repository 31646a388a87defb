import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { replaceFile } from "#contracts/replace-file.ts";
import { readJson, writeJson } from "./durable-json.ts";
import { NetworkState } from "./network-state.ts";

/** So long after a write to the disk the next one waits, for what else may change. */
const PAUSE_MS = 1_000;

/** Where a node's network state is kept. */
export interface StatePlaces {
  /** `<home>/networks` */
  directory: string;
  /** /run/slipway/<hash>, in memory. */
  runFolder: string;
}

const onDisk = ({ directory }: StatePlaces): string => join(directory, "state.json");
const inMemory = ({ runFolder }: StatePlaces): string => join(runFolder, "networks.json");

/** The newest state; undefined where there was none. @throws SLIPWAY_NETWORK_STATE_UNREADABLE */
export async function readState(places: StatePlaces): Promise<NetworkState | undefined> {
  return (await readJson(inMemory(places), NetworkState)) ?? (await readJson(onDisk(places), NetworkState));
}

/** Both copies, the disk's synced. */
export async function writeState(places: StatePlaces, state: NetworkState): Promise<void> {
  writeInMemory(places, state);
  await writeJson(onDisk(places), state);
}

/**
 * The networks of a node as they change. Each change is in the run folder before anybody hears of it, for the next agent. The disk's copy follows
 * within {@link PAUSE_MS}, for the next boot, which finds neither interface nor container: what it may miss are addresses of the last second.
 */
export class StateFile implements AsyncDisposable {
  readonly #places: StatePlaces;
  readonly #state: NetworkState;
  readonly #closing = new AbortController();
  #isDirty = false;
  #writing: Promise<void> | undefined;

  constructor(places: StatePlaces, state: NetworkState) {
    this.#places = places;
    this.#state = state;
  }

  save(): void {
    writeInMemory(this.#places, this.#state);
    this.#isDirty = true;
    if (!this.#closing.signal.aborted) this.#writing ??= this.#follow();
  }

  /** Nothing more is written behind a change's back; resolves when the disk has everything, or has refused it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (this.#isDirty) await this.#writeToDisk();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#isDirty && !signal.aborted) {
      await this.#writeToDisk();
      await delay(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#writing = undefined;
  }

  async #writeToDisk(): Promise<void> {
    this.#isDirty = false;
    try {
      await writeJson(onDisk(this.#places), this.#state);
    } catch (error) {
      this.#isDirty = true;
      console.error("the state of networks is not on disk yet:", error);
    }
  }
}

function writeInMemory(places: StatePlaces, state: NetworkState): void {
  mkdirSync(places.runFolder, { recursive: true, mode: 0o711 });
  replaceFile(inMemory(places), JSON.stringify(state));
}
