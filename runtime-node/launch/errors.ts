import { defineErrors } from "#contracts/slipway-error.ts";

export const LAUNCH_ERRORS = {
  SLIPWAY_LAUNCH_SUPERVISOR_AWAY: {
    status: 503,
    remedy: "Start it again with `slipway server` and the same --home: what runs is taken over, what waits is started.",
  },
} as const;

export const launchError = defineErrors(LAUNCH_ERRORS);
