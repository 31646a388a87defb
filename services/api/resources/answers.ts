import { type TSchema, Type } from "typebox";

/** For the OpenAPI document: newline-delimited JSON, one value a line. */
export const linesOf = (value: TSchema) => ({
  200: { description: "Newline-delimited JSON, one value a line.", content: { "application/x-ndjson": { schema: value } } },
});

/** For the OpenAPI document: done, nothing to say. */
export const NOTHING = { 204: Type.Null({ description: "Done." }) };
