import { Type } from "typebox";
import { NetworkInfo } from "#contracts/api.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";
import { askNode } from "../node-client.ts";

const params = Type.Object({ name: Type.String({ minLength: 1 }) });

export function networksResource(app: ApiApp, context: ApiContext): void {
  app.get("/networks", { schema: { summary: "Networks", response: { 200: Type.Array(NetworkInfo) } } }, () =>
    askNode(context, "network-list", {}),
  );
  app.get(
    "/networks/:name",
    { schema: { summary: "A network and who is in it", params, response: { 200: NetworkInfo } } },
    async ({ params: { name } }) => {
      const networks = await askNode(context, "network-list", {});
      const found = networks.find((network) => network.name === name);
      if (found !== undefined) return found;
      const names = networks.map((network) => network.name);
      const there = names.length === 0 ? "there are none" : `there are ${names.join(", ")}`;
      throw apiError("SLIPWAY_API_NETWORK_UNKNOWN", `there is no network ${name}; ${there}`);
    },
  );
}
