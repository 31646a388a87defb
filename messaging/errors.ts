import { defineErrors } from "#contracts/slipway-error.ts";

export const MESSAGING_ERRORS = {
  SLIPWAY_MESSAGING_SERVER_MISSING: {
    status: 503,
    remedy: "Run `npm run setup`, which fetches nats-server, or name a binary in SLIPWAY_NATS_SERVER.",
  },
  SLIPWAY_MESSAGING_SERVER_UNSUPPORTED: {
    status: 503,
    remedy:
      "Use nats-server 2.10.23 or newer (2.10.0 to 2.10.6 also work), or unset SLIPWAY_NATS_SERVER and run `npm run setup`.",
  },
  SLIPWAY_MESSAGING_SERVER_CONFIG: {
    status: 500,
    remedy: "Move the named configuration file away and start again: it is written anew.",
  },
  SLIPWAY_MESSAGING_SERVER_FAILED: {
    status: 503,
    remedy: "Read nats-server's own output in the message; a port that is in use and a full disk are the usual reasons.",
  },
  SLIPWAY_MESSAGING_ADDRESS_PUBLIC: {
    status: 400,
    remedy: "Let nats-server listen on a loopback address or on a private interface's address.",
  },
  SLIPWAY_MESSAGING_IDENTITY_DAMAGED: {
    status: 500,
    remedy:
      "Restore the named file from a backup; without one, move the whole keys folder away: every credential is then issued anew.",
  },
  SLIPWAY_MESSAGING_SUBJECT_INVALID: {
    status: 400,
    remedy: "A subject is tokens of visible characters joined by dots; `*` stands for one token, `>` for all that follow.",
  },
  SLIPWAY_MESSAGING_CLAIMS_REFUSED: {
    status: 502,
    remedy: "Look into nats-server's log: it refused an account that this platform signed.",
  },
  SLIPWAY_MESSAGING_DENIED: {
    status: 403,
    remedy: "The credentials do not allow it: restart the platform, which writes the credentials of its processes anew.",
  },
  SLIPWAY_MESSAGING_UNAVAILABLE: {
    status: 503,
    remedy:
      "nats-server does not answer: it is started again by itself; try again, and look into its log if it stays away.",
  },
  SLIPWAY_MESSAGING_STORE_LOST: {
    status: 503,
    remedy:
      "JetStream's store has lost what was kept in it: restore the home's nats folder, or restart the platform to begin anew.",
  },
  SLIPWAY_MESSAGING_STORE_STUCK: {
    status: 507,
    remedy:
      "Free space on the disk of the home's nats folder (`slipway image rm`, `slipway volume rm`, old logs): nats-server is then started anew by itself. Then try again.",
  },
  SLIPWAY_MESSAGING_STORE_MISMATCH: {
    status: 500,
    remedy: "Another version of Slipway made this stream: run that version, or begin anew with another home.",
  },
  SLIPWAY_MESSAGING_CONFLICT: {
    status: 409,
    remedy: "Somebody else changed it meanwhile: read it again and decide anew.",
  },
  SLIPWAY_MESSAGING_KEY_INVALID: {
    status: 400,
    remedy: "A key is letters, digits and `-_/=.`, not starting or ending with a dot.",
  },
  SLIPWAY_MESSAGING_TOO_LARGE: {
    status: 413,
    remedy: "Send less at once, or send it over a stream.",
  },
  SLIPWAY_MESSAGING_NO_RESPONDER: {
    status: 503,
    remedy: "The process that answers this is not running or is still starting: try again in a moment.",
  },
  SLIPWAY_MESSAGING_TIMEOUT: {
    status: 504,
    remedy: "The process that answers this is slow or hangs: try again, and look into its log.",
  },
  SLIPWAY_MESSAGING_MALFORMED: {
    status: 502,
    remedy: "The two processes do not speak the same version of Slipway: restart the older one.",
  },
  SLIPWAY_MESSAGING_STREAM_LOST: {
    status: 502,
    remedy: "The other process ended or was cut off: open the stream again.",
  },
} as const;

export const messagingError = defineErrors(MESSAGING_ERRORS);
