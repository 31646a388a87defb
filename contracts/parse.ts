import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { defineErrors } from "./slipway-error.ts";

export const CONTRACT_ERRORS = {
  SLIPWAY_CONTRACT_INVALID: { status: 400, remedy: "Correct the value that the message names." },
} as const;
const contractError = defineErrors(CONTRACT_ERRORS);

const validators = new WeakMap<TSchema, Validator>();

/** Checks a value from outside against a schema; throws SLIPWAY_CONTRACT_INVALID naming the place in the value. */
export function parse<Schema extends TSchema>(schema: Schema, value: unknown, what: string): Static<Schema> {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  if (validator.Check(value)) return value as Static<Schema>;
  const [first] = validator.Errors(value);
  throw contractError(
    "SLIPWAY_CONTRACT_INVALID",
    `${what}${first?.instancePath ?? ""} ${first?.message ?? "is not valid"}`,
  );
}
