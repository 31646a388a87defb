import { imageError } from "./errors.ts";

/** Below this nobody asks. */
const ALWAYS_ALLOWED_BYTES = 1024 ** 3;
/** Layers of programs and data shrink to a half or a tenth; gzip's best, on zeros alone, is a thousandth. */
const LARGEST_RATIO = 200;

/** Ends the unpacking of a layer that is made to fill the disk: a small download that becomes a huge archive. */
export class ExpansionLimit {
  readonly #allowedBytes: number;
  #bytes = 0;

  constructor(compressedBytes: number) {
    this.#allowedBytes = Math.max(ALWAYS_ALLOWED_BYTES, compressedBytes * LARGEST_RATIO);
  }

  /** @throws SLIPWAY_IMAGE_LAYER_TOO_LARGE */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#allowedBytes) return;
    const message = `a layer unpacks to more than ${this.#allowedBytes} bytes, ${LARGEST_RATIO} times its download`;
    throw imageError("SLIPWAY_IMAGE_LAYER_TOO_LARGE", message);
  }
}
