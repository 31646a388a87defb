import { expect, test } from "vitest";
import { parseVmOptions } from "./options.ts";

test.each([
  [[], { kernels: ["6.1", "6.12"], systemd: true, filters: [] }],
  [["--kernel", "6.12"], { kernels: ["6.12"], systemd: false, filters: [] }],
  [["--kernel", "6.1", "cgroup"], { kernels: ["6.1"], systemd: false, filters: ["cgroup"] }],
  [["cgroup"], { kernels: ["6.1", "6.12"], systemd: false, filters: ["cgroup"] }],
  [["--systemd"], { kernels: [], systemd: true, filters: [] }],
])("test:vm %j boots %j", (args, options) => {
  expect(parseVmOptions(args)).toEqual(options);
});

test("a kernel that is not tested is refused, and those that are, named", () => {
  expect(() => parseVmOptions(["--kernel", "5.15"])).toThrow("--kernel 5.15: the tests know 6.1 and 6.12");
});
