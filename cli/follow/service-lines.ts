import type { ProjectStatus, ServiceStatus } from "#contracts/api.ts";
import { paint } from "../output/colour.ts";

const MARKS: Record<ServiceStatus["state"], [string, "green" | "red" | "yellow" | "dim"]> = {
  waiting: ["·", "dim"],
  progressing: ["·", "yellow"],
  ready: ["✔", "green"],
  failed: ["✖", "red"],
  stopped: ["■", "dim"],
};

/** A progress line for each service of a project. */
export function serviceLines(status: ProjectStatus, colour: boolean): [string, string][] {
  const width = Math.max(0, ...status.services.map(({ service }) => service.length));
  return status.services.map(({ service, state, detail }) => {
    const [mark, style] = MARKS[state];
    return [service, `${paint(colour, style, mark)} ${service.padEnd(width)}  ${state.padEnd(11)}  ${detail}`.trimEnd()];
  });
}
