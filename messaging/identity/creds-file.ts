import { messagingError } from "../errors.ts";
import { Nkey } from "./nkey.ts";

export interface Credentials {
  jwt: string;
  key: Nkey;
}

const BLOCK = /-----BEGIN ([A-Z ]+)-----\s+(\S+)\s+-+END \1-+/g;

/** The text of a `.creds` file, which every NATS client reads: a user's JWT and the seed of its key. */
export function formatCreds(jwt: string, key: Nkey): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${key.seed}
------END USER NKEY SEED------

*************************************************************
`;
}

/** Reads a `.creds` file's text; `where` names it in the error. */
export function parseCreds(text: string, where: string): Credentials {
  const blocks = new Map([...text.matchAll(BLOCK)].map((match) => [match[1], match[2]]));
  const jwt = blocks.get("NATS USER JWT");
  const seed = blocks.get("USER NKEY SEED");
  if (jwt === undefined || seed === undefined) {
    throw messagingError("SLIPWAY_MESSAGING_IDENTITY_DAMAGED", `${where} does not hold a user's JWT and key`);
  }
  return { jwt, key: Nkey.fromSeed("user", seed, where) };
}
