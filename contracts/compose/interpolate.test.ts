import { describe, expect, test } from "vitest";
import { interpolate, InterpolationFailure } from "./interpolate.ts";

const variables: Record<string, string> = { NAME: "shop", EMPTY: "", PORT: "80" };
const run = (text: string) => interpolate(text, (name) => variables[name]);

describe("interpolate", () => {
  test.each([
    ["plain", "plain"],
    ["$NAME", "shop"],
    ["a-${NAME}-b", "a-shop-b"],
    ["$NAME.local", "shop.local"],
    ["${UNSET}", ""],
    ["${UNSET:-x}", "x"],
    ["${UNSET-x}", "x"],
    ["${EMPTY:-x}", "x"],
    ["${EMPTY-x}", ""],
    ["${NAME:-x}", "shop"],
    ["${NAME:+set}", "set"],
    ["${EMPTY:+set}", ""],
    ["${EMPTY+set}", "set"],
    ["${UNSET+set}", ""],
    ["${NAME:?needed}", "shop"],
    ["${EMPTY?needed}", ""],
    ["${UNSET:-${NAME}:${PORT}}", "shop:80"],
    ["${UNSET:-${ALSO_UNSET:-deep}}", "deep"],
    ["$$NAME costs $$5", "$NAME costs $5"],
    ["${UNSET:-a$$b}", "a$b"],
    ["${NAME:-${UNSET:?not asked for}}tail", "shoptail"],
    ["${UNSET:-}", ""],
  ])("%s becomes %j", (text, expected) => {
    expect(run(text)).toBe(expected);
  });

  test.each([
    ["${UNSET:?set it first}", "required", "the variable UNSET is required: set it first"],
    ["${EMPTY:?}", "required", "the variable EMPTY is required and not set"],
    ["${NAME", "syntax", "is not closed"],
    ["${NAME:-x", "syntax", "is not closed"],
    ["${NAME!x}", "syntax", "has something after the name"],
    ["${}", "syntax", "no variable's name"],
    ["costs $5", "syntax", "no variable's name"],
    ["${X:-".repeat(40), "syntax", "nested more than 32 deep"],
  ])("%s is refused (%s)", (text, reason, message) => {
    const failure = captured(() => run(text));
    expect(failure.reason).toBe(reason);
    expect(failure.message).toContain(message);
  });

  test("says where in the text the expression is that failed", () => {
    expect(captured(() => run("ab${UNSET:?}")).offset).toBe(2);
  });

  test("reports a variable that is not set, unless it is not used", () => {
    const unset: string[] = [];
    interpolate(
      "${A} ${B:-x} ${NAME:-$C}",
      (name) => variables[name],
      (name) => unset.push(name),
    );
    expect(unset).toEqual(["A"]);
  });
});

function captured(action: () => unknown): InterpolationFailure {
  try {
    action();
  } catch (error) {
    if (error instanceof InterpolationFailure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
