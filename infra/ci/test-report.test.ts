import { expect, test } from "vitest";
import { addTotals, failedTests, skippedTests, totalsOf } from "./test-report.ts";

const report = {
  numPassedTests: 7,
  numFailedTests: 1,
  numPendingTests: 2,
  numTodoTests: 0,
  testResults: [
    {
      name: "a.test.ts",
      status: "failed",
      assertionResults: [{ status: "failed", fullName: "a breaks", failureMessages: ["expected 1 to be 2"] }],
    },
    { name: "b.test.ts", status: "passed", assertionResults: [{ status: "skipped", fullName: "b needs a kernel" }] },
  ],
};

test("a report's totals are its own", () => {
  expect(totalsOf(report)).toEqual({ passed: 7, failed: 1, skipped: 2 });
});

test("a file that could not be loaded counts as a failure", () => {
  const unloaded = { name: "c.test.ts", status: "failed", message: "cannot find module", assertionResults: [] };
  expect(totalsOf({ ...report, testResults: [...report.testResults, unloaded] }).failed).toBe(2);
});

test("a report that was never written counts as a failure", () => {
  expect(addTotals([totalsOf(report), totalsOf(undefined)])).toEqual({ passed: 7, failed: 2, skipped: 2 });
});

test("skipped tests are named", () => {
  expect(skippedTests(report)).toEqual(["b needs a kernel"]);
});

test("failed tests are named with their reasons, and files that could not be loaded too", () => {
  const unloaded = { name: "c.test.ts", status: "failed", message: "cannot find module", assertionResults: [] };
  expect(failedTests({ ...report, testResults: [...report.testResults, unloaded] })).toEqual([
    "a.test.ts: a breaks\nexpected 1 to be 2",
    "c.test.ts could not be loaded: cannot find module",
  ]);
});
