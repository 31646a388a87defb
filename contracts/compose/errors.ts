import { defineErrors, SlipwayError } from "../slipway-error.ts";

/** What can be wrong with a Compose file. All of it is the caller's: status 400. */
export const COMPOSE_ERRORS = {
  SLIPWAY_COMPOSE_FILE_UNREADABLE: {
    status: 400,
    remedy: "Name a file that exists and that you may read (-f FILE).",
  },
  SLIPWAY_COMPOSE_YAML: { status: 400, remedy: "Correct the YAML at this place." },
  SLIPWAY_COMPOSE_UNKNOWN_KEY: {
    status: 400,
    remedy: "Remove the key, or see docs/compose.md for the keys there are; a key of your own starts with x-.",
  },
  SLIPWAY_COMPOSE_KEY_NOT_ENFORCED: {
    status: 400,
    remedy: "Remove the key: Slipway refuses what it would not enforce. docs/compose.md lists what it does.",
  },
  SLIPWAY_COMPOSE_TYPE: { status: 400, remedy: "Write a value of the kind that the message names." },
  SLIPWAY_COMPOSE_VALUE: { status: 400, remedy: "Write a value of the form that the message shows." },
  SLIPWAY_COMPOSE_NAME: {
    status: 400,
    remedy: "Use letters, digits, _ and -, starting with a letter or digit, at most 63 characters.",
  },
  SLIPWAY_COMPOSE_NO_SERVICES: { status: 400, remedy: "Add at least one service under `services:`." },
  SLIPWAY_COMPOSE_IMAGE_MISSING: {
    status: 400,
    remedy: "Add `image:` with an image's reference, or `image: host` for the machine's own programs.",
  },
  SLIPWAY_COMPOSE_INTERPOLATION: {
    status: 400,
    remedy: "Write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+value}; $$ is a dollar sign.",
  },
  SLIPWAY_COMPOSE_VARIABLE_REQUIRED: {
    status: 400,
    remedy: "Set the variable in the shell or in the .env file beside the Compose file.",
  },
  SLIPWAY_COMPOSE_ENV_FILE: {
    status: 400,
    remedy: "Correct the file, or mark it `required: false` where it may be absent.",
  },
  SLIPWAY_COMPOSE_UNDEFINED: { status: 400, remedy: "Declare it in this file, or correct the name." },
  SLIPWAY_COMPOSE_CYCLE: {
    status: 400,
    remedy: "Remove one of these dependencies: none of the services could start first.",
  },
  SLIPWAY_COMPOSE_CONFLICT: { status: 400, remedy: "Change one of the two." },
  SLIPWAY_COMPOSE_LIMIT: { status: 400, remedy: "Choose a limit that the kernel takes." },
} as const;

export const composeError = defineErrors(COMPOSE_ERRORS);

/** Everything that is wrong with one file, in the order of its lines. Code, place and remedy are the first error's. */
export class ComposeFileError extends SlipwayError {
  readonly errors: readonly SlipwayError[];

  constructor(errors: readonly [SlipwayError, ...SlipwayError[]]) {
    const [first] = errors;
    super(first.code, first, first.message, {
      remedy: first.remedy,
      ...(first.place === undefined ? {} : { place: first.place }),
      cause: first.cause,
    });
    this.errors = errors;
  }
}
