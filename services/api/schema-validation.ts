import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { parse } from "#contracts/parse.ts";

/** Checks each part of a request by its schema, as every input from outside: an error names the place in that part. */
export const validateBySchema: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const part = httpPart ?? "body";
  return (value: unknown) => {
    try {
      // Only the body has types of its own; a query's and a path's values are text.
      return { value: parse(schema, part === "body" ? value : Value.Convert(schema, value), part) };
    } catch (error) {
      return { error: error as Error };
    }
  };
};
