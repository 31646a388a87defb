export type LogLevel = "info" | "warn" | "error";
export type LogFields = Record<string, string | number | boolean | undefined>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** One JSON object a line on standard error, which the supervisor keeps. */
export const logToStderr: Log = (level, message, fields = {}) => {
  process.stderr.write(
    `${JSON.stringify({ time: new Date().toISOString(), level, process: "gateway", message, ...fields })}\n`,
  );
};

/** An error's code and chain of causes, for a log line. */
export function errorFields(error: unknown): LogFields {
  const code = (error as { code?: unknown } | undefined)?.code;
  return { ...(typeof code === "string" ? { code } : {}), error: describeChain(error) };
}

function describeChain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${describeChain(error.cause)}`;
}
