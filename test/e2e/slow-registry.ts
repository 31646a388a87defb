import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type LyingRegistry, startLyingRegistry } from "#runtime-node/image/testing/lying-registry.ts";
import { smallImage, tarOf } from "#runtime-node/image/testing/small-image.ts";

/** More than the sockets between hold, so that a pull is under way while half of it is held back. */
const LAYER_BYTES = 12 * 1024 * 1024;

/** A registry that sends half of an image's layer and holds the rest back until it is told to go on. */
export class SlowRegistry implements AsyncDisposable {
  /** The image's name; a new one with each registry. */
  readonly image: string;
  /** Resolves when a pull is in the middle of the layer. */
  readonly underWay: Promise<void>;
  readonly #registry: LyingRegistry;
  readonly #goOn: () => void;

  private constructor(registry: LyingRegistry, underWay: Promise<void>, goOn: () => void) {
    this.#registry = registry;
    this.image = `${registry.host}/slow/app:1`;
    this.underWay = underWay;
    this.#goOn = goOn;
  }

  /** @param layerBytes of random bytes beside a busybox */
  static async start(layerBytes = LAYER_BYTES): Promise<SlowRegistry> {
    const image = smallImage([await layerOf(layerBytes)], { Cmd: ["sh"], Env: ["PATH=/bin"] });
    const underWay = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const registry = await startLyingRegistry(image, {
      blob: ({ digest, body, response, request }) => {
        // A pull that goes on where it stopped is not held again.
        if (digest !== image.layers[0] || request.headers.range !== undefined) return false;
        response.writeHead(200, { "content-length": body.byteLength });
        response.write(body.subarray(0, body.byteLength / 2), () => underWay.resolve());
        void Promise.race([goOn.promise, once(response, "close")]).then(() =>
          response.end(body.subarray(body.byteLength / 2)),
        );
        return true;
      },
    });
    return new SlowRegistry(registry, underWay.promise, goOn.resolve);
  }

  /** Sends the rest, now and from now on. */
  goOn(): void {
    this.#goOn();
  }

  /** How often the layer was asked for. */
  get pulls(): number {
    return this.#registry.requests.filter((path) => path.includes("/blobs/")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry[Symbol.asyncDispose]();
  }
}

async function layerOf(bytes: number): Promise<Buffer> {
  return tarOf([
    { name: "bin/", type: "directory", mode: 0o755 },
    { name: "bin/busybox", mode: 0o755, content: await readFile("/bin/busybox") },
    ...["sh", "echo", "sleep"].map((name) => ({ name: `bin/${name}`, type: "symlink" as const, linkname: "busybox" })),
    { name: "ballast", content: randomBytes(bytes) },
  ]);
}
