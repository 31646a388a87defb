import type { PullProgress } from "#contracts/api.ts";
import { hasCode, toSlipwayError } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import { inStage } from "../../container/instance-trace.ts";
import { inPullSpans } from "../../container/pull-spans.ts";
import type { ImageStore } from "../../image/image-store.ts";
import type { EventOutbox } from "../event-outbox.ts";
import type { NodeHandlers } from "./serve-operations.ts";

type Handlers = Pick<NodeHandlers, "image-pull" | "image-import" | "image-list" | "image-remove">;

export function imageOperations(store: ImageStore, events: EventOutbox): Handlers {
  return {
    "image-pull": async ({ reference }, stream, call) => {
      await withProgress(stream, call.signal, async (signal, onProgress) => {
        const pull = (told: typeof onProgress) => store.pull(reference, { signal, onProgress: told });
        const image = await inStage("pull image", () => inPullSpans(pull, onProgress), { "slipway.image": reference });
        events.append({ type: "image.pulled", subject: image.reference, data: { digest: image.digest } });
      });
    },
    "image-import": async ({ path, reference }, stream, call) => {
      await withProgress(stream, call.signal, async (signal, onProgress) => {
        const options = { signal, ...(reference === undefined ? {} : { reference }) };
        const bring = (told: typeof onProgress) => store.importFrom(path, { ...options, onProgress: told });
        for (const image of await inStage("import image", () => inPullSpans(bring, onProgress))) {
          events.append({ type: "image.imported", subject: image.reference, data: { digest: image.digest } });
        }
      });
    },
    "image-list": async () => store.list(),
    "image-remove": async ({ reference }) => {
      try {
        await store.remove(reference);
      } catch (error) {
        if (hasCode(error, "SLIPWAY_IMAGE_NOT_FOUND")) return { removed: false };
        throw error;
      }
      events.append({ type: "image.removed", subject: reference });
      return { removed: true };
    },
  };
}

/** NDJSON of progress; the last line is `done` or `failed`. */
async function withProgress(
  stream: MessageStream,
  callSignal: AbortSignal,
  work: (signal: AbortSignal, onProgress: (progress: PullProgress) => void) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.any([callSignal, stream.signal]);
  let sending = Promise.resolve();
  const send = (progress: PullProgress): void => {
    sending = sending.then(() => stream.send(Buffer.from(`${JSON.stringify(progress)}\n`)));
    sending.catch(() => {});
  };
  try {
    await work(signal, send);
  } catch (error) {
    send({ phase: "failed", doneBytes: 0, totalBytes: 0, problem: toSlipwayError(error).toProblem() });
  }
  await sending;
  await stream.end();
}
