import type { Happening } from "./instance-events.ts";

/** ` by uid 0`, where the event says so. */
export function byWhom({ data }: Happening): string {
  return typeof data["by"] === "string" ? ` by ${data["by"]}` : "";
}
