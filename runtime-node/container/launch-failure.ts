import type { CloneFailure } from "#kernel/plan/clone-failure.ts";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { containerError } from "./errors.ts";

/** What a failed plan means to the person who asked for it. */
export function launchError(failure: CloneFailure, command: string): SlipwayError {
  if (!failure.exec) {
    return containerError("SLIPWAY_CONTAINER_LAUNCH_FAILED", `the container could not be made: ${failure.message}`);
  }
  if (failure.errno === "ENOENT" || failure.errno === "ENOTDIR") {
    return containerError("SLIPWAY_CONTAINER_COMMAND_NOT_FOUND", `"${command}" is not in the container (${failure.errno})`);
  }
  return containerError("SLIPWAY_CONTAINER_COMMAND_NOT_EXECUTABLE", `"${command}" cannot be executed (${failure.errno})`);
}
