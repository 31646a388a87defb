import { readFile } from "node:fs/promises";
import { servicesError } from "./errors.ts";

/** A group's number: as it is, or looked up by its name in /etc/group (group(5)). */
export async function parseGroup(group: string, file = "/etc/group"): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of (await readFile(file, "utf8")).split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined) return Number(id);
  }
  throw servicesError("SLIPWAY_CONTROL_ENVIRONMENT", `SLIPWAY_API_GROUP is ${group}, which is not a group in ${file}`);
}
