/** What we read of vitest's JSON report (jest's format). */
export interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  /** Skipped. */
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The totals of one report. A file that could not be loaded has no test to fail, and counts as one; so does a missing report. */
export function totalsOf(report: TestReport | undefined): Totals {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((one) => one.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function addTotals(all: readonly Totals[]): Totals {
  const sum = (pick: (totals: Totals) => number): number => all.reduce((total, one) => total + pick(one), 0);
  return { passed: sum((one) => one.passed), failed: sum((one) => one.failed), skipped: sum((one) => one.skipped) };
}

/** The tests that were skipped, for a person to read. */
export function skippedTests(report: TestReport | undefined): string[] {
  const skipped = new Set(["skipped", "pending", "todo", "disabled"]);
  return (report?.testResults ?? []).flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => skipped.has(status)).map(({ fullName }) => fullName),
  );
}

const LONGEST_MESSAGE = 1_500;

/** The tests that failed and why, and the files that could not be loaded: what a person needs who has only the log's end. */
export function failedTests(report: TestReport | undefined): string[] {
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === "failed");
    if (status === "failed" && failed.length === 0) return [`${name} could not be loaded: ${shorten(message ?? "")}`];
    return failed.map(
      ({ fullName, failureMessages = [] }) => `${name}: ${fullName}\n${shorten(failureMessages.join("\n"))}`,
    );
  });
}

function shorten(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`;
}
