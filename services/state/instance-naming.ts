import { createHash } from "node:crypto";
import type { ServiceSpec } from "#contracts/service-spec.ts";

const ID_DIGITS = 12;

/** `<project>-<service>-<index>`, or the spec's container_name. */
export function instanceName(project: string, spec: ServiceSpec, index: number): string {
  return spec.containerName ?? `${project}-${spec.name}-${index}`;
}

/**
 * The id of the instance that takes a replica's place. It follows from what is seen, so that two controllers that see the same
 * write the same key, and only one of them wins; `desiredKvRevision` makes a later life of the same place another instance.
 */
export function instanceIdFor(place: {
  project: string;
  service: string;
  index: number;
  revision: string;
  desiredKvRevision: number;
}): string {
  const text = [place.project, place.service, place.index, place.revision, place.desiredKvRevision].join("\n");
  return createHash("sha256").update(text).digest("hex").slice(0, ID_DIGITS);
}
