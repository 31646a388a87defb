import { Type } from "typebox";
import { VolumeInfo } from "#contracts/api.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";
import { askNode } from "../node-client.ts";
import { NOTHING } from "./answers.ts";

const params = Type.Object({ name: Type.String({ minLength: 1 }) });
/** A volume may hold many files. */
const REMOVAL_TIMEOUT_MS = 60_000;

export function volumesResource(app: ApiApp, context: ApiContext): void {
  app.get("/volumes", { schema: { summary: "Volumes", response: { 200: Type.Array(VolumeInfo) } } }, () =>
    askNode(context, "volume-list", {}),
  );
  app.get("/volumes/:name", { schema: { summary: "A volume", params, response: { 200: VolumeInfo } } }, (request) =>
    findVolume(context, request.params.name),
  );
  app.delete(
    "/volumes/:name",
    { schema: { summary: "Remove a volume and what is in it", params, response: NOTHING } },
    async ({ params: { name } }, reply) => {
      const { removed } = await askNode(context, "volume-remove", { name }, { timeoutMs: REMOVAL_TIMEOUT_MS });
      if (!removed) throw unknownVolume(name, await askNode(context, "volume-list", {}));
      return reply.code(204).send(null);
    },
  );
}

async function findVolume(context: ApiContext, name: string): Promise<VolumeInfo> {
  const volumes = await askNode(context, "volume-list", {});
  const found = volumes.find((volume) => volume.name === name);
  if (found === undefined) throw unknownVolume(name, volumes);
  return found;
}

function unknownVolume(name: string, volumes: readonly VolumeInfo[]): Error {
  const there = volumes.length === 0 ? "there are none" : `there are ${volumes.map((volume) => volume.name).join(", ")}`;
  return apiError("SLIPWAY_API_VOLUME_UNKNOWN", `there is no volume ${name}; ${there}`);
}
