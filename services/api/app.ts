import swagger from "@fastify/swagger";
import Fastify, { type FastifyServerFactory } from "fastify";
import { API_PREFIX } from "#contracts/api.ts";
import type { ApiApp } from "./api-app.ts";
import type { ApiContext } from "./api-context.ts";
import type { Authentication } from "./listeners/authentication.ts";
import { notFoundReply, problemReply } from "./problem-reply.ts";
import { traceRequests } from "./request-tracing.ts";
import { caResource } from "./resources/ca.ts";
import { doctorResource } from "./resources/doctor.ts";
import { eventsResource } from "./resources/events.ts";
import { imagesResource } from "./resources/images.ts";
import { instancesResource } from "./resources/instances.ts";
import { logsResource } from "./resources/logs.ts";
import { networksResource } from "./resources/networks.ts";
import { projectsResource } from "./resources/projects.ts";
import { tracesResource } from "./resources/traces.ts";
import { versionResource } from "./resources/version.ts";
import { volumesResource } from "./resources/volumes.ts";
import { validateBySchema } from "./schema-validation.ts";

/** A project's spec with every environment variable written out. */
const BODY_LIMIT_BYTES = 8 * 1024 ** 2;

const RESOURCES = [
  versionResource,
  projectsResource,
  instancesResource,
  logsResource,
  eventsResource,
  imagesResource,
  volumesResource,
  networksResource,
  caResource,
  doctorResource,
  tracesResource,
];

/** The API's routes, schemas and errors, without a listener. */
export async function createApp(
  context: ApiContext,
  authentication: Authentication,
  serverFactory: FastifyServerFactory,
): Promise<ApiApp> {
  const app = Fastify({
    serverFactory,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  });
  app.setValidatorCompiler(validateBySchema);
  // The schemas describe the answers; what is answered was parsed by them when it came in.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler(problemReply(context.log));
  app.setNotFoundHandler(notFoundReply);
  app.addHook("onRequest", async (request) => authentication.check(request.raw));
  traceRequests(app);
  await app.register(swagger, {
    openapi: { openapi: "3.1.0", info: { title: "Slipway", version: API_PREFIX.slice(1) } },
  });
  await app.register(
    async (scope: ApiApp) => {
      for (const addTo of RESOURCES) addTo(scope, context);
      scope.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
    },
    { prefix: API_PREFIX },
  );
  await app.ready();
  return app;
}
