import { expect, test } from "vitest";
import { operatorClaims } from "../identity/claims.ts";
import { signJwt } from "../identity/jwt.ts";
import { Nkey } from "../identity/nkey.ts";
import { meansTheSame } from "./server-config.ts";

const key = Nkey.generate("operator");
const systemAccount = Nkey.generate("account").publicKey;

function config(name: string, signedAt: string, port = 4222): string {
  const claims = operatorClaims({ key: key.publicKey, name, signingKey: key.publicKey, systemAccount });
  return JSON.stringify({ port, operator: signJwt(claims, key, new Date(signedAt)) });
}

test("a configuration means the same when only the time of a signature differs, and not when a claim or a setting does", () => {
  const before = config("slipway", "2026-01-01");
  expect(config("slipway", "2026-01-02")).not.toBe(before);
  expect(meansTheSame(before, config("slipway", "2026-01-02"))).toBe(true);
  expect(meansTheSame(before, config("other", "2026-01-01"))).toBe(false);
  expect(meansTheSame(before, config("slipway", "2026-01-01", 4223))).toBe(false);
  expect(meansTheSame("", before)).toBe(false);
});
