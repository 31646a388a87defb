import { defineErrors } from "#contracts/slipway-error.ts";

/** For tests: a refusal of a node's own, which the API knows nothing of. */
export const refusal = defineErrors({
  SLIPWAY_TESTING_IN_USE: { status: 409, remedy: "Remove what uses it." },
});
