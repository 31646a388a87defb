import type { Static, TSchema } from "typebox";
import { parse } from "#contracts/parse.ts";
import { explain, imageError } from "./errors.ts";

/** The document that says what an archive holds. @throws SLIPWAY_IMAGE_NOT_AN_ARCHIVE, with the place in the document */
export function parseArchiveDocument<Schema extends TSchema>(schema: Schema, body: Buffer, what: string): Static<Schema> {
  try {
    return parse(schema, JSON.parse(body.toString("utf8")), `${what} at `);
  } catch (error) {
    const { message } = explain(error, "SLIPWAY_IMAGE_NOT_AN_ARCHIVE", `reading ${what}`);
    throw imageError("SLIPWAY_IMAGE_NOT_AN_ARCHIVE", message, { cause: error });
  }
}
