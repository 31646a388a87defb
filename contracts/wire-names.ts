/**
 * Names and bounds that need no schema: what only checks a name or builds a path (the CLI, which starts for every command) loads no schema
 * library, which takes longer than the command.
 */

/** Where the HTTP API of `api.ts` begins. */
export const API_PREFIX = "/v1";
/** An API client says in it who uses it, for events; it decides nothing. */
export const CALLER_HEADER = "x-slipway-caller";
/** The project of instances started by `slipway run`. */
export const RUN_PROJECT = "run";

/** A Compose project's name (Compose Specification, "name"): it becomes part of subjects, paths and DNS names. */
export const PROJECT_NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,62}$";
/** A service, network or volume name: one DNS label or file name, so no dots, slashes or leading dash. */
export const RESOURCE_NAME_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$";
/** An instance's or container's name: what docker accepts. */
export const INSTANCE_NAME_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,126}$";
/** An instance's id: 12 hex digits. */
export const INSTANCE_ID_PATTERN = "^[0-9a-f]{12}$";

/** Of one service: its replicas' numbers are listed wherever it is looked at. */
export const MAXIMUM_REPLICAS = 1_000;
/** 24.8 days, in milliseconds: a timer of Node's that is asked to wait longer fires at once. */
export const LONGEST_DURATION_MS = 2 ** 31 - 1;
