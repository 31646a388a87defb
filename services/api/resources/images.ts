import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import { ImageInfo, ImportRequest, PullProgress, PullRequest } from "#contracts/api.ts";
import type { MessageStream } from "#messaging/platform.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { clientSignal } from "../client-signal.ts";
import { apiError } from "../errors.ts";
import { sendLines } from "../line-stream.ts";
import { askNode, openNodeStream } from "../node-client.ts";
import { NOTHING, linesOf } from "./answers.ts";

const removalQuery = Type.Object({ reference: Type.String({ minLength: 1 }) });
/** Deleting an image's layers may take a while. */
const REMOVAL_TIMEOUT_MS = 60_000;

export function imagesResource(app: ApiApp, context: ApiContext): void {
  app.get("/images", { schema: { summary: "Images", response: { 200: Type.Array(ImageInfo) } } }, () =>
    askNode(context, "image-list", {}),
  );
  app.post(
    "/images/pull",
    { schema: { summary: "Pull an image", body: PullRequest, response: linesOf(PullProgress) } },
    (request, reply) =>
      forwardProgress(context, reply, (signal) =>
        openNodeStream(context, context.node, "image-pull", request.body, { signal }),
      ),
  );
  app.post(
    "/images/import",
    { schema: { summary: "Import an image", body: ImportRequest, response: linesOf(PullProgress) } },
    (request, reply) =>
      forwardProgress(context, reply, (signal) =>
        openNodeStream(context, context.node, "image-import", request.body, { signal }),
      ),
  );
  app.delete(
    "/images",
    { schema: { summary: "Remove an image", querystring: removalQuery, response: NOTHING } },
    async ({ query: { reference } }, reply) => {
      const { removed } = await askNode(context, "image-remove", { reference }, { timeoutMs: REMOVAL_TIMEOUT_MS });
      if (!removed) throw await unknownImage(context, reference);
      return reply.code(204).send(null);
    },
  );
}

async function forwardProgress(
  context: ApiContext,
  reply: FastifyReply,
  open: (signal: AbortSignal) => Promise<MessageStream>,
): Promise<void> {
  const signal = clientSignal(reply, context.closing);
  await using stream = await open(signal);
  await sendLines(reply, stream.incoming, signal, context.log);
}

async function unknownImage(context: ApiContext, reference: string): Promise<Error> {
  const images = await askNode(context, "image-list", {});
  const there = images.length === 0 ? "there are none" : `there are ${images.map((image) => image.reference).join(", ")}`;
  return apiError("SLIPWAY_API_IMAGE_UNKNOWN", `there is no image ${reference}; ${there}`);
}
