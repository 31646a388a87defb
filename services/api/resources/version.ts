import { VersionInfo } from "#contracts/api.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";

export function versionResource(app: ApiApp, context: ApiContext): void {
  const schema = { summary: "What runs here", response: { 200: VersionInfo } };
  app.get("/version", { schema }, () => context.version());
}
