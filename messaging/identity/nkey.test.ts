import { createUser, fromSeed } from "@nats-io/nkeys";
import { expect, test } from "vitest";
import { parseCreds } from "./creds-file.ts";
import { Nkey } from "./nkey.ts";

test.each(["operator", "account", "user"] as const)("an %s key is what the nkeys library takes it for", (kind) => {
  const key = Nkey.generate(kind);
  const theirs = fromSeed(Buffer.from(key.seed));
  expect(theirs.getPublicKey()).toBe(key.publicKey);
  expect(theirs.verify(Buffer.from("signed by us"), key.sign("signed by us"))).toBe(true);
});

test("a key that the nkeys library made is read from its seed", () => {
  const theirs = createUser();
  const ours = Nkey.fromSeed("user", Buffer.from(theirs.getSeed()).toString(), "a test");
  expect(ours.publicKey).toBe(theirs.getPublicKey());
  expect(ours.sign("x").equals(theirs.sign(Buffer.from("x")))).toBe(true);
});

test.each([
  ["of another kind", Nkey.generate("account").seed],
  ["with a wrong letter", Nkey.generate("user").seed.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
  ["with a bit set that stands for nothing", Nkey.generate("user").seed.replace(/.$/, nextLetter)],
  ["cut short", Nkey.generate("user").seed.slice(0, -4)],
  ["with a character outside the alphabet", Nkey.generate("user").seed.replace(/.$/, "1")],
  ["empty", ""],
])("a seed %s is refused without being repeated", (_what, seed) => {
  let thrown: unknown;
  try {
    Nkey.fromSeed("user", seed, "/keys/x");
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: "SLIPWAY_MESSAGING_IDENTITY_DAMAGED",
    message: "/keys/x does not hold the seed of an user key",
  });
});

/** The last letter of a seed holds three bits of it, and two that are zero. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return alphabet[alphabet.indexOf(letter) + 1]!;
}

test("a credentials file without a key names the file", () => {
  expect(() => parseCreds("-----BEGIN NATS USER JWT-----\nabc\n------END NATS USER JWT------\n", "/run/x.creds")).toThrow(
    expect.objectContaining({
      code: "SLIPWAY_MESSAGING_IDENTITY_DAMAGED",
      message: expect.stringContaining("/run/x.creds"),
    }),
  );
});
