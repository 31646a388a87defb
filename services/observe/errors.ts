import { defineErrors } from "#contracts/slipway-error.ts";

export const OBSERVE_ERRORS = {
  SLIPWAY_OBSERVE_STORE_AWAY: {
    status: 503,
    remedy: "Try again in a moment; the control process's log says why the store of traces ended.",
  },
} as const;

export const observeError = defineErrors(OBSERVE_ERRORS);
