import { expect, test } from "vitest";
import type { ProjectStatus } from "#contracts/api.ts";
import { sampleStatus } from "../testing/samples.ts";
import { isAtRest, judge } from "./project.ts";

const project = (state: ProjectStatus["state"], ...services: ProjectStatus["services"]): ProjectStatus => ({
  project: "shop",
  generation: 1,
  state,
  services,
});
const ready = sampleStatus("a", "ready");
const failed = sampleStatus("b", "failed");

test.each([
  ["a service that has not started", [ready, sampleStatus("b", "progressing")], "under way", "under way"],
  ["a service that runs and is not healthy yet", [ready, sampleStatus("b", "progressing", "", 1)], "reached", "under way"],
  ["a service that waits for another", [ready, sampleStatus("b", "waiting")], "under way", "under way"],
  ["a failure while another service is on its way", [failed, sampleStatus("a", "progressing")], "under way", "under way"],
] as const)("%s: started is %s", (_, services, started, wanted) => {
  expect(judge(project("progressing", ...services), "started")).toBe(started);
  expect(judge(project("progressing", ...services), "ready")).toBe(wanted);
});

test("all at rest is reached, or failed when one failed", () => {
  expect(judge(project("ready", ready), "ready")).toBe("reached");
  expect(judge(project("failed", ready, failed), "ready")).toBe("failed");
  expect(judge(project("failed", ready, failed), "started")).toBe("failed");
});

test("a project is at rest when nothing runs and nothing will", () => {
  expect(isAtRest(project("stopped", sampleStatus("a", "stopped"), failed))).toBe(true);
  expect(isAtRest(project("ready", ready))).toBe(false);
  expect(isAtRest(project("progressing", sampleStatus("a", "waiting")))).toBe(false);
});
