/** Where in the user's input an error lies; lines and columns start at 1. */
export interface Place {
  file?: string;
  line?: number;
  column?: number;
}

/** One entry of a folder's error registry (`<folder>/errors.ts`). */
export interface ErrorDefinition {
  /** The HTTP status the API answers with (RFC 9110). */
  status: number;
  /** The CLI's exit code: 125 is ours, 126 not executable, 127 not found (docker's convention). */
  exitCode?: number;
  /** What a person does about it, when the place that throws does not know better. */
  remedy: string;
}

export interface SlipwayErrorDetails {
  place?: Place;
  /** Overrides the registry's remedy. */
  remedy?: string;
  cause?: unknown;
}

/** The wire form of an error: RFC 9457 problem details, with our code, place and remedy. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  remedy: string;
  exitCode: number;
  place?: Place;
}

/** Messages repeat what somebody wrote: a name of a megabyte must not become an event, a log line and an answer of a megabyte. */
const LONGEST_MESSAGE = 1_500;
/** What a program said before it ended is told by its last words. */
const KEPT_END = 500;

function bounded(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  return `${message.slice(0, LONGEST_MESSAGE - KEPT_END)}…${message.slice(-KEPT_END)}`;
}

/** An error a person can act on: code, sentence, place, remedy. Match on `code`, never on the text. */
export class SlipwayError extends Error {
  override readonly name = "SlipwayError";
  readonly code: string;
  readonly status: number;
  readonly exitCode: number;
  readonly remedy: string;
  readonly place: Place | undefined;

  constructor(code: string, definition: ErrorDefinition, message: string, details: SlipwayErrorDetails = {}) {
    super(bounded(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = definition.status;
    this.exitCode = definition.exitCode ?? 125;
    this.remedy = details.remedy ?? definition.remedy;
    this.place = details.place;
  }

  toProblem(): Problem {
    return {
      type: `urn:slipway:error:${this.code}`,
      title: this.code,
      status: this.status,
      code: this.code,
      detail: this.message,
      remedy: this.remedy,
      exitCode: this.exitCode,
      ...(this.place === undefined ? {} : { place: this.place }),
    };
  }

  static fromProblem(problem: Problem): SlipwayError {
    return new SlipwayError(
      problem.code,
      { status: problem.status, exitCode: problem.exitCode, remedy: problem.remedy },
      problem.detail,
      problem.place === undefined ? {} : { place: problem.place },
    );
  }
}

/**
 * Makes the constructor of a folder's errors from its registry:
 * `const imageError = defineErrors(IMAGE_ERRORS); throw imageError("SLIPWAY_IMAGE_NOT_FOUND", "…")`.
 */
export function defineErrors<Registry extends Record<`SLIPWAY_${string}`, ErrorDefinition>>(registry: Registry) {
  return (code: keyof Registry & string, message: string, details?: SlipwayErrorDetails): SlipwayError => {
    const definition: ErrorDefinition | undefined = registry[code as keyof Registry] as ErrorDefinition | undefined;
    if (definition === undefined) throw new TypeError(`${code} is not in the registry`);
    return new SlipwayError(code, definition, message, details);
  };
}

/** True for a SlipwayError with one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): error is SlipwayError {
  return error instanceof SlipwayError && codes.includes(error.code);
}

/** Any thrown value as a SlipwayError; what we did not foresee becomes SLIPWAY_INTERNAL with its cause. */
export function toSlipwayError(error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SlipwayError(
    "SLIPWAY_INTERNAL",
    { status: 500, remedy: "This is a defect of Slipway: report it with the logs under the home's logs/ folder." },
    message,
    { cause: error },
  );
}
