import { defineErrors } from "#contracts/slipway-error.ts";

export const LOG_ERRORS = {
  SLIPWAY_LOGS_FIFO_UNUSABLE: {
    status: 500,
    remedy: "The instance's folder was changed under Slipway: remove the instance and start it anew.",
  },
  SLIPWAY_LOGS_FILE_UNUSABLE: {
    status: 500,
    remedy: "Check that the disk of the logs folder is there, writable and not full.",
  },
} as const;

export const logError = defineErrors(LOG_ERRORS);
