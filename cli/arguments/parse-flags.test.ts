import { expect, test } from "vitest";
import { defineVerb } from "../verb.ts";
import { parseFlags } from "./parse-flags.ts";

const verb = defineVerb({
  name: "run",
  operands: "IMAGE [COMMAND…]",
  summary: "",
  stopAtOperand: true,
  flags: {
    env: { type: "string", short: "e", multiple: true, help: "" },
    detach: { type: "boolean", short: "d", help: "" },
    interactive: { type: "boolean", short: "i", help: "" },
    memory: { type: "string", short: "m", help: "" },
  },
  run: async () => {},
});

test.each([
  [["-e", "A=1", "host", "-e", "B=2"], { env: ["A=1"] }, ["host", "-e", "B=2"]],
  [["-di", "host", "sh", "-c", "--", "x"], { detach: true, interactive: true }, ["host", "sh", "-c", "--", "x"]],
  [["--memory=64m", "--", "host", "--x"], { memory: "64m" }, ["host", "--x"]],
  [["-m64m", "host"], { memory: "64m" }, ["host"]],
  [["--detach=false", "host"], { detach: false }, ["host"]],
  [["-e", "A=1", "--env", "B=-x", "host"], { env: ["A=1", "B=-x"] }, ["host"]],
])("%j: flags end at the first operand", (args, flags, operands) => {
  const parsed = parseFlags(verb, args);
  expect(parsed.flags).toMatchObject(flags);
  expect(parsed.operands).toEqual(operands);
});

test("where flags do not end, they may stand anywhere", () => {
  const anywhere = defineVerb({ ...verb, stopAtOperand: false });
  expect(parseFlags(anywhere, ["a", "-d", "b", "-o", "json"])).toMatchObject({
    flags: { detach: true },
    operands: ["a", "b"],
    json: true,
  });
  expect(parseFlags(anywhere, ["a", "--", "-d"])).toMatchObject({ flags: { detach: false }, operands: ["a", "-d"] });
});
