import { readdirSync, readFileSync } from "node:fs";
import { homeLayout } from "#contracts/home.ts";
import type { TestPlatform } from "./platform.ts";

/** The host's pids in an instance's cgroup. */
export function processesOf(platform: TestPlatform, instanceId: string): number[] {
  const group = `/slipway-${homeLayout(platform.home).hash}/${instanceId}`;
  const isIn = (pid: number): boolean => {
    try {
      const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
      return lines.some((line) => line.endsWith(group));
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && isIn(pid));
}
