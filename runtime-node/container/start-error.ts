import { isDiskFull, isOutOfFiles } from "#contracts/exhausted.ts";
import { SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import { containerError } from "./errors.ts";

/** RFC 4918, section 11.5: what all errors about a full disk answer with. It may pass by itself. */
export const INSUFFICIENT_STORAGE = 507;

/** Why an instance could not be started, in words for who wants it to run. */
export function toStartError(error: unknown, name: string, folder: string): SlipwayError {
  if (error instanceof SlipwayError && error.status === INSUFFICIENT_STORAGE) return error;
  if (isOutOfFiles(error)) {
    const reason = (error as Error).message;
    return containerError(
      "SLIPWAY_CONTAINER_NO_FILES",
      `${name} could not be started: no more files may be opened (${reason})`,
      {
        cause: error,
      },
    );
  }
  if (!isDiskFull(error)) return toSlipwayError(error);
  const message = `${name} could not be started: no space is left on the disk of ${folder}`;
  return containerError("SLIPWAY_CONTAINER_DISK_FULL", message, { cause: error });
}
