import { defineErrors } from "#contracts/slipway-error.ts";

export const SERVER_ERRORS = {
  SLIPWAY_SERVER_NOT_ROOT: { status: 403, remedy: "Run it with sudo, or as root." },
  SLIPWAY_SERVER_ALREADY_RUNS: {
    status: 409,
    remedy: "Use the server that runs, end it first, or name another folder with --home.",
  },
  SLIPWAY_SERVER_PORT_IN_USE: {
    status: 409,
    remedy: "End the program that has the port, or choose others with --http-port and --https-port.",
  },
  SLIPWAY_SERVER_START_FAILED: { status: 500, remedy: "Look at the log that the message names." },
  SLIPWAY_SERVER_UPGRADE_UNDER_WAY: { status: 409, remedy: "Wait for it to end, and look at `slipway version`." },
  SLIPWAY_SERVER_UPGRADE_REFUSED: {
    status: 409,
    remedy: "Nothing was changed. Install the package again, and then run `slipway server --upgrade` once more.",
  },
  SLIPWAY_SERVER_UPGRADE_FAILED: {
    status: 500,
    remedy: "Look at the log that the message names, and at `slipway version` for what runs.",
  },
  SLIPWAY_SERVER_USAGE: { status: 400, remedy: "See `slipway help server`." },
} as const;

export const serverError = defineErrors(SERVER_ERRORS);
