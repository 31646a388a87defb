import { describe, expect, it } from "vitest";
import { signalNumber } from "./signals.ts";

describe("a signal's number", () => {
  it.each([
    ["SIGTERM", 15],
    ["TERM", 15],
    ["sigint", 2],
    ["usr1", 10],
    ["9", 9],
    ["64", 64],
    ["SIGRTMIN", 34],
    ["RTMIN+3", 37],
  ])("of %s is %i", (name, number) => {
    expect(signalNumber(name)).toBe(number);
  });

  it.each(["", "0", "65", "SIGNOPE", "SIG", "-9", "RTMIN+x", "toString"])("%j is no signal", (name) => {
    expect(() => signalNumber(name)).toThrow(`"${name}" is no signal`);
  });
});
