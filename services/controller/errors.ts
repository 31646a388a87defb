import { defineErrors } from "#contracts/slipway-error.ts";

export const CONTROLLER_ERRORS = {
  SLIPWAY_CONTROLLER_INSTANCE_UNKNOWN: {
    status: 404,
    remedy: "Nothing to do: the instance was removed, and its node will hear of it.",
  },
} as const;

export const controllerError = defineErrors(CONTROLLER_ERRORS);
