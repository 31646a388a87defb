/** What one check saw. */
export interface CheckOutcome {
  /** How many files it looked at. */
  files: number;
  /** One line each, with its place. */
  problems: string[];
}

export interface Check {
  name: string;
  /** What a person runs to see it alone or to mend it. */
  remedy: string;
  run(root: string, signal: AbortSignal): Promise<CheckOutcome>;
}

export type Verdict = CheckOutcome & { name: string; remedy: string; passed: boolean };

/** Runs a check. One that looked at no file has failed: it would pass whatever the code is like. */
export async function judge(check: Check, root: string, signal: AbortSignal): Promise<Verdict> {
  const { files, problems } = await check.run(root, signal).catch((error: unknown) => ({
    files: 0,
    problems: [`the check itself failed: ${error instanceof Error ? error.message : String(error)}`],
  }));
  const complaints = files === 0 && problems.length === 0 ? ["it looked at no file"] : problems;
  return { name: check.name, remedy: check.remedy, files, problems: complaints, passed: complaints.length === 0 };
}
