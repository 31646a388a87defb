import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceRule } from "#kernel/bpf/device-program.ts";
import { formatV1Rule, STANDARD_DEVICES } from "./device-rules.ts";

const NAME = "standard-devices";
const ANYTHING = "a *:* rwm";

/** cgroup v1, in the devices hierarchy: the group of all containers that ask for no device of their own, in what the home's containers share. */
export function standardDevicesGroup(root: string, shared: string): string {
  return join(root, shared, NAME);
}

/** True for the rules of {@link standardDevicesGroup}. */
export function areStandard(rules: readonly DeviceRule[]): boolean {
  return rules.length === STANDARD_DEVICES.length && rules.every((rule, index) => rule === STANDARD_DEVICES[index]);
}

/**
 * Makes the group, or makes whole what a killed agent or another version left: afterwards it allows the standard devices and no others.
 * What runs in it loses none of them meanwhile.
 */
export function makeStandardDevicesGroup(group: string): void {
  mkdirSync(group, { recursive: true });
  const wanted = STANDARD_DEVICES.map(formatV1Rule);
  const present = readFileSync(join(group, "devices.list"), "utf8").trim().split("\n");
  if (present.includes(ANYTHING)) writeFileSync(join(group, "devices.deny"), "a");
  const ruled = present.filter((rule) => rule !== ANYTHING);
  for (const rule of wanted) if (!ruled.includes(rule)) writeFileSync(join(group, "devices.allow"), rule);
  for (const rule of ruled) if (rule !== "" && !wanted.includes(rule)) writeFileSync(join(group, "devices.deny"), rule);
}
