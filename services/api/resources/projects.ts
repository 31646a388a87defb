import { Type } from "typebox";
import { ApplyResult, ProjectStatus } from "#contracts/api.ts";
import { ProjectName } from "#contracts/names.ts";
import { ProjectSpec } from "#contracts/project-spec.ts";
import { projectStatus } from "#services/state/project-status.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { callerOf } from "../caller.ts";
import { applyProject, removeProject } from "../projects/apply-project.ts";
import { requireProject } from "../projects/change-project.ts";
import { RoutesInForce } from "../projects/routes-in-force.ts";

const params = Type.Object({ project: ProjectName });
const removalQuery = Type.Object({ volumes: Type.Optional(Type.Boolean()) });

export function projectsResource(app: ApiApp, context: ApiContext): void {
  const { state } = context;
  const routes = new RoutesInForce(context);
  app.put(
    "/projects/:project",
    { schema: { summary: "Apply a project", params, body: ProjectSpec, response: { 200: ApplyResult } } },
    (request) => applyProject(context, request.params.project, request.body, callerOf(request)),
  );
  app.get(
    "/projects",
    { schema: { summary: "All projects with their states", response: { 200: Type.Array(ProjectStatus) } } },
    async () => {
      const snapshot = state.snapshot();
      const sorted = snapshot.desired.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      return sorted.map((entry) => projectStatus(entry.value, snapshot));
    },
  );
  app.get(
    "/projects/:project",
    { schema: { summary: "A project's state", params, response: { 200: ProjectStatus } } },
    async (request, reply) => {
      const { project } = request.params;
      const status = projectStatus(requireProject(state, project), state.snapshot());
      if (status.state === "ready") await routes.wait(project);
      return reply.send(status);
    },
  );
  app.delete(
    "/projects/:project",
    { schema: { summary: "Remove a project", params, querystring: removalQuery, response: { 200: ApplyResult } } },
    (request) => removeProject(context, request.params.project, request.query.volumes ?? false),
  );
}
