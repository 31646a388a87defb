import type { ImageRecord, ImageTable } from "./image-table.ts";
import type { Pins } from "./pins.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Tells whether something runs on an image, by its manifest's digest. */
export type InUse = (digest: string) => boolean | Promise<boolean>;

/** Removes the images that have neither a name nor a user, and the blobs and layers that no image holds. One run at a time. */
export class GarbageCollector {
  readonly #layout: StoreLayout;
  readonly #table: ImageTable;
  readonly #pins: Pins;
  #lastRun: Promise<unknown> = Promise.resolve();

  constructor(layout: StoreLayout, table: ImageTable, pins: Pins) {
    this.#layout = layout;
    this.#table = table;
    this.#pins = pins;
  }

  /** `inUse`: undefined keeps every image and removes only what belongs to none. */
  run(inUse: InUse | undefined): Promise<void> {
    const run = this.#collectAfter(this.#lastRun, inUse);
    this.#lastRun = run.catch(() => undefined);
    return run;
  }

  async #collectAfter(previous: Promise<unknown>, inUse: InUse | undefined): Promise<void> {
    await previous;
    if (inUse !== undefined) await this.#removeNamelessImages(inUse);
    const { blobs, layers } = await this.#layout.contents();
    const held = new Set(this.#table.images().flatMap((image) => [...image.blobs, ...image.layers]));
    for (const [id, path] of [...blobs, ...layers]) {
      // Looked at again in the turn of its removal: a pull that pins it after that finds it gone, and fetches it.
      if (!held.has(id) && !this.#pins.has(id) && !this.#isHeld(id)) await this.#layout.discard(path);
    }
  }

  async #removeNamelessImages(inUse: InUse): Promise<void> {
    const unused = new Set<string>();
    for (const { digest } of this.#table.images()) {
      if (!(await this.#isNeeded(digest, inUse))) unused.add(digest);
    }
    if (unused.size > 0) await this.#table.removeNameless(unused);
  }

  async #isNeeded(digest: string, inUse: InUse): Promise<boolean> {
    return this.#pins.has(digest) || this.#table.namesOf(digest).length > 0 || (await inUse(digest));
  }

  #isHeld(id: string): boolean {
    return this.#table.images().some(({ blobs, layers }: ImageRecord) => blobs.includes(id) || layers.includes(id));
  }
}
