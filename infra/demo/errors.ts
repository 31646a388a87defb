import { defineErrors } from "#contracts/slipway-error.ts";

export const demoError = defineErrors({
  SLIPWAY_DEMO_USAGE: { status: 400, remedy: "npm run demo [-- [--once] [--http-port N] [--https-port N]]" },
  SLIPWAY_DEMO_NOT_ROOT: { status: 403, remedy: "Run it as root: `sudo npm run demo`." },
  SLIPWAY_DEMO_PORT_TAKEN: { status: 409, remedy: "Ask for another port, or leave the choice to the demo." },
  SLIPWAY_DEMO_STEP_FAILED: {
    status: 500,
    exitCode: 1,
    remedy: "What the step printed says why; logs are in .slipway/logs.",
  },
  SLIPWAY_DEMO_ANSWER_WRONG: { status: 502, exitCode: 1, remedy: "`./slipway logs` and .slipway/logs say more." },
});
