import { expect, test } from "vitest";
import { canKeepAcknowledgedWrites, formatServerVersion, parseServerVersion } from "./server-version.ts";

test("what nats-server prints about itself is read", () => {
  expect(parseServerVersion("nats-server: v2.10.24\n")).toEqual({ major: 2, minor: 10, patch: 24 });
  expect(parseServerVersion("nats-server: v2.14.0-RC.1")).toEqual({ major: 2, minor: 14, patch: 0 });
  expect(parseServerVersion("command not found")).toBeUndefined();
});

test.each([
  ["2.9.25", false],
  ["2.10.0", true],
  ["2.10.6", true],
  ["2.10.7", false],
  ["2.10.22", false],
  ["2.10.23", true],
  ["2.11.0", true],
  ["2.15.1", true],
  ["1.4.1", false],
  ["3.0.0", true],
])("version %s keeps acknowledged writes: %s", (text, expected) => {
  const version = parseServerVersion(text)!;
  expect(formatServerVersion(version)).toBe(text);
  expect(canKeepAcknowledgedWrites(version)).toBe(expected);
});
