import { expect, test } from "vitest";
import { hasCode } from "#contracts/slipway-error.ts";
import { parseReference } from "./reference.ts";

const HEX = "a".repeat(64);

test.each([
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["team/app", "docker.io/team/app:latest", "team/app:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"],
  ["127.0.0.1:5000/team/app:2", "127.0.0.1:5000/team/app:2", "127.0.0.1:5000/team/app:2"],
  ["registry.example.org/a/b/c:x-1.Y_z", "registry.example.org/a/b/c:x-1.Y_z", "registry.example.org/a/b/c:x-1.Y_z"],
  [`busybox@sha256:${HEX}`, `docker.io/library/busybox@sha256:${HEX}`, `busybox@sha256:${HEX}`],
  [`busybox:1@sha256:${HEX}`, `docker.io/library/busybox@sha256:${HEX}`, `busybox@sha256:${HEX}`],
])("%s is %s", (text, canonical, familiar) => {
  expect(parseReference(text)).toMatchObject({ canonical, familiar });
});

test.each([
  "",
  "Busybox",
  "a b",
  "../etc/passwd",
  "app:",
  "app:bad tag",
  "app@sha256:12",
  "a//b",
  "/a",
  "registry.example.org/",
  "x".repeat(300),
])("%j is refused", (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "SLIPWAY_IMAGE_INVALID_REFERENCE" }));
});

test("the host's own image cannot be named", () => {
  let thrown: unknown;
  try {
    parseReference("host");
  } catch (error) {
    thrown = error;
  }
  expect(hasCode(thrown, "SLIPWAY_IMAGE_RESERVED_REFERENCE")).toBe(true);
});
