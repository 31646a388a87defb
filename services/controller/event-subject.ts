import type { Assignment } from "#contracts/instance.ts";

/** The `source` of the controller's events. */
export const CONTROLLER_SOURCE = "/control/controller";

/** The `subject` of an event about an instance. */
export const instanceSubject = (instance: Pick<Assignment, "project" | "service" | "name">): string =>
  `${instance.project}/${instance.service}/${instance.name}`;
