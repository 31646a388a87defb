import type { Place, SlipwayError, SlipwayErrorDetails } from "../slipway-error.ts";
import { type COMPOSE_ERRORS, composeError, ComposeFileError } from "./errors.ts";

export interface ComposeWarning {
  message: string;
  place: Place;
}

/** Collects what is wrong with a file, so that a person learns of all of it at once. */
export class Report {
  readonly warnings: ComposeWarning[] = [];
  readonly #errors: SlipwayError[] = [];

  add(code: keyof typeof COMPOSE_ERRORS, message: string, place: Place, details: SlipwayErrorDetails = {}): void {
    this.#errors.push(composeError(code, message, { ...details, place }));
  }

  warn(message: string, place: Place): void {
    if (!this.warnings.some((warning) => warning.message === message)) this.warnings.push({ message, place });
  }

  /** Something on this line has been reported, so that what follows from it need not be. */
  knows({ line }: Place): boolean {
    return this.#errors.some(({ place }) => place?.line === line);
  }

  get failed(): boolean {
    return this.#errors.length > 0;
  }

  throwIfFailed(): void {
    const [first, ...rest] = this.#errors.toSorted(byPlace);
    if (first !== undefined) throw new ComposeFileError([first, ...rest]);
  }
}

function byPlace(a: SlipwayError, b: SlipwayError): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0);
}
