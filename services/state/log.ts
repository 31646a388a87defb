/** Where a service says what went wrong behind no request: once, at the boundary that goes on after it. */
export type Log = (message: string, error?: unknown) => void;

/** A line of JSON on stderr, which the supervisor keeps. */
export function logToStderr(service: string): Log {
  return (message, error) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : error;
    process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), service, message, error: reason })}\n`);
  };
}
