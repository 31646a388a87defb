import { Type } from "typebox";
import type { BucketDefinition } from "#contracts/buckets.ts";
import type { BucketChange } from "../platform.ts";

/** A bucket's value in tests. */
export const Memo = Type.Object({ text: Type.String() });
export type Memo = { text: string };

/** A bucket that only tests use. */
export const memoBucket = (name: string, storage: "file" | "memory" = "file"): BucketDefinition<typeof Memo> => ({
  name,
  schema: Memo,
  storage,
});

/** A change in one word, for comparing. */
export function describeChange(change: BucketChange<Memo>): string {
  if (change.type === "current") return "current";
  return change.type === "put" ? `${change.key}=${change.value.text}` : `${change.key} gone`;
}
