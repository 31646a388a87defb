import { context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { PullProgress } from "#contracts/api.ts";

const NAMES = {
  resolving: "resolve reference",
  downloading: "download",
  unpacking: "unpack",
} as const;
const SHOWN_DIGITS = 12;

/** A pull's progress as spans under the active one: its manifest, then each layer's download and its unpacking. */
export class PullSpans {
  readonly #tracer = trace.getTracer("slipway/image");
  readonly #within = context.active();
  readonly #open = new Map<string, Span>();

  readonly report = (progress: PullProgress): void => {
    const { phase, digest = "", doneBytes, totalBytes } = progress;
    if (phase === "done" || phase === "failed") return;
    const key = `${phase} ${digest}`;
    if (phase !== "resolving") this.#close("resolving ");
    if (phase === "unpacking") this.#close(`downloading ${digest}`);
    if (!this.#open.has(key)) this.#begin(key, NAMES[phase], progress);
    if (phase !== "resolving" && doneBytes >= totalBytes) this.#close(key);
  };

  /** What is still open ended with the pull; with an error, it is what the pull failed in. */
  end(error?: Error): void {
    for (const [key, span] of this.#open) {
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      this.#close(key);
    }
  }

  #begin(key: string, name: string, { digest, totalBytes }: PullProgress): void {
    const layer = digest?.replace(/^sha256:/, "").slice(0, SHOWN_DIGITS);
    const attributes = layer === undefined ? {} : { "slipway.layer": layer, "slipway.bytes": totalBytes };
    this.#open.set(key, this.#tracer.startSpan(name, { attributes }, this.#within));
  }

  #close(key: string): void {
    this.#open.get(key)?.end();
    this.#open.delete(key);
  }
}

/** Runs a pull or an import with its progress told in spans, and to `onProgress` as well. */
export async function inPullSpans<Result>(
  work: (onProgress: (progress: PullProgress) => void) => Promise<Result>,
  onProgress: (progress: PullProgress) => void = () => undefined,
): Promise<Result> {
  const spans = new PullSpans();
  try {
    const result = await work((progress) => {
      spans.report(progress);
      onProgress(progress);
    });
    spans.end();
    return result;
  } catch (error) {
    spans.end(error as Error);
    throw error;
  }
}
