import { existsSync } from "node:fs";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";
import { type ApiTarget, describeTarget } from "./target.ts";

/** What a failure to reach the server means for a person. */
export function connectionError(cause: unknown, target: ApiTarget): SlipwayError {
  const code = (cause as NodeJS.ErrnoException).code;
  const where = describeTarget(target);
  if (code === "EACCES" || code === "EPERM") {
    return cliError("SLIPWAY_CLI_SERVER_FORBIDDEN", `you may not open the server's socket ${where}`, { cause });
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    return cliError("SLIPWAY_CLI_SERVER_GONE", `the server at ${where} closed the connection before it answered`, {
      cause,
    });
  }
  const detail =
    target.type === "socket" && !existsSync(target.path) ? "there is no such socket" : (cause as Error).message;
  return cliError("SLIPWAY_CLI_SERVER_NOT_RUNNING", `no server answers at ${where}: ${detail}`, { cause });
}
