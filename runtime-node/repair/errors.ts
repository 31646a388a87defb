import { defineErrors } from "#contracts/slipway-error.ts";

export const REPAIR_ERRORS = {
  SLIPWAY_REPAIR_NOT_ROOT: { status: 403, remedy: "Run it with sudo, or as root." },
} as const;

export const repairError = defineErrors(REPAIR_ERRORS);
