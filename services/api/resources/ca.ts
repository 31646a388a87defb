import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";

export function caResource(app: ApiApp, context: ApiContext): void {
  const path = join(context.home.certificates, "ca.pem");
  const response = {
    200: { description: "PEM", content: { "application/x-pem-file": { schema: { type: "string" } } } },
  };
  app.get("/ca", { schema: { summary: "The local CA's certificate", response } }, async (_request, reply) => {
    const pem = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      throw apiError("SLIPWAY_API_CA_MISSING", `there is no local CA at ${path} yet`);
    });
    return reply.type("application/x-pem-file").send(pem);
  });
}
