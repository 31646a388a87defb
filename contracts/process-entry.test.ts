import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT, PROCESS_FOLDERS, processEntry, type ProcessName } from "./process-entry.ts";

test.each(Object.keys(PROCESS_FOLDERS) as ProcessName[])(
  "the %s process has an entry in a checkout, beside its source",
  (name) => {
    expect(existsSync(processEntry(name))).toBe(true);
    expect(existsSync(join(dirname(processEntry(name)), "main.ts"))).toBe(true);
  },
);

test("the top of the checkout is where its package.json is", () => {
  expect(existsSync(join(PACKAGE_ROOT, "package.json"))).toBe(true);
});
