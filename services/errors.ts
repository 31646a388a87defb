import { defineErrors } from "#contracts/slipway-error.ts";

export const CONTROL_PROCESS_ERRORS = {
  SLIPWAY_CONTROL_ENVIRONMENT: {
    status: 500,
    remedy: "Start the platform with `slipway server`, which starts its processes with all that they need.",
  },
} as const;

export const servicesError = defineErrors(CONTROL_PROCESS_ERRORS);
