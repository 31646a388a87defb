import { defineErrors } from "#contracts/slipway-error.ts";

export const CLI_ERRORS = {
  SLIPWAY_CLI_USAGE: { status: 400, remedy: "`slipway help` lists the verbs, `slipway help VERB` a verb's flags." },
  SLIPWAY_CLI_SERVER_NOT_RUNNING: {
    status: 503,
    remedy: "Start it with `slipway server` (as root), or set SLIPWAY_HOME or SLIPWAY_HOST to where it runs.",
  },
  SLIPWAY_CLI_SERVER_FORBIDDEN: {
    status: 403,
    remedy: "Run as root: the socket's permissions say who may use the platform.",
  },
  SLIPWAY_CLI_SERVER_GONE: {
    status: 503,
    remedy: "See whether `slipway server` still runs; containers run on without it. Then run the command again.",
  },
  SLIPWAY_CLI_ANSWER_UNREADABLE: {
    status: 502,
    remedy: "See that SLIPWAY_HOST is a Slipway server's address, and of this version (`slipway version`).",
  },
  SLIPWAY_CLI_HOST_INVALID: {
    status: 400,
    remedy: "Write unix:///path/of/api.sock, http://host:port or https://host:port.",
  },
  SLIPWAY_CLI_NOT_ROOT: { status: 403, remedy: "Run it with sudo, or as root." },
  SLIPWAY_CLI_NO_SYSTEMD: { status: 501, remedy: "Start `slipway server` with what starts services here." },
  SLIPWAY_CLI_SYSTEMD_FAILED: {
    status: 500,
    remedy: "`systemctl status slipway` and `journalctl -u slipway` say more.",
  },
  SLIPWAY_CLI_REPAIR_FAILED: { status: 500, remedy: "This is a defect of Slipway: report it with what the cause says." },
  SLIPWAY_CLI_NO_COMPOSE_FILE: { status: 400, remedy: "Name one with -f FILE, or go to its folder." },
  SLIPWAY_CLI_NO_PROJECT: { status: 400, remedy: "Name it with -p NAME, or go to the folder of its Compose file." },
  SLIPWAY_CLI_NOT_FOUND: { status: 404, remedy: "`slipway ps -a` lists the instances there are." },
  SLIPWAY_CLI_AMBIGUOUS: { status: 409, remedy: "Name one of them, as <project>/<service> or by its id." },
  SLIPWAY_CLI_NOT_READY: { status: 503, exitCode: 1, remedy: "`slipway logs` and `slipway events` say more." },
} as const;

export const cliError = defineErrors(CLI_ERRORS);

/** Ends the command with an exit code and no message: an interrupt, or a reader that closed our output. */
export class QuietExit extends Error {
  override readonly name = "QuietExit";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ends with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
