import type { ServiceChange } from "#contracts/api.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import { serviceRevision } from "#services/state/revision.ts";

/** What it means for each service that one spec takes the place of another. */
export function serviceChanges(before: ProjectSpec | undefined, after: ProjectSpec): ServiceChange[] {
  const names = new Set([...Object.keys(before?.services ?? {}), ...Object.keys(after.services)]);
  return [...names].toSorted().map((service) => ({ service, action: changeOf(before, after, service) }));
}

function changeOf(before: ProjectSpec | undefined, after: ProjectSpec, name: string): ServiceChange["action"] {
  const [old, wanted] = [before?.services[name], after.services[name]];
  if (wanted === undefined) return "remove";
  if (old === undefined) return "create";
  if (serviceRevision(before!, name) !== serviceRevision(after, name)) return "replace";
  return old.replicas === wanted.replicas ? "keep" : "scale";
}
