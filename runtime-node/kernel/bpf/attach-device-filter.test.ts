import { expect, test } from "vitest";
import { RecordingKernel } from "../recording-kernel.ts";
import { attachDeviceFilter } from "./attach-device-filter.ts";

const LOAD = 5;
const ATTACH = 8;
const commands = (kernel: RecordingKernel): unknown[] => kernel.callsOf("bpf").map((args) => args[0]);

test("a program that the verifier gave up for a signal is loaded again", () => {
  const kernel = new RecordingKernel().answer("bpf", "EAGAIN", "EAGAIN", 7, 0);
  attachDeviceFilter(kernel, "/sys/fs/cgroup/c", []);
  expect(commands(kernel)).toEqual([LOAD, LOAD, LOAD, ATTACH]);
});

test("one that it goes on giving up, or refuses, is an error", () => {
  const busy = new RecordingKernel().answer("bpf", "EAGAIN");
  expect(() => attachDeviceFilter(busy, "/sys/fs/cgroup/c", [])).toThrow("EAGAIN");
  expect(commands(busy)).toHaveLength(5);
  const refusing = new RecordingKernel().answer("bpf", "EPERM");
  expect(() => attachDeviceFilter(refusing, "/sys/fs/cgroup/c", [])).toThrow("EPERM");
  expect(commands(refusing)).toHaveLength(1);
});
