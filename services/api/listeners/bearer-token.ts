import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { dirname } from "node:path";
import type { SlipwayError } from "#contracts/slipway-error.ts";
import { apiError } from "../errors.ts";

const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** Reads the API's token, making it (0600) at the first start. */
export async function loadOrCreateToken(path: string): Promise<string> {
  const existing = await readFile(path, "utf8").catch(ifMissing);
  if (existing === undefined) {
    await createToken(path);
    return loadOrCreateToken(path);
  }
  const token = existing.trim();
  if (TOKEN_PATTERN.test(token)) return token;
  throw apiError("SLIPWAY_API_TOKEN_DAMAGED", `${path} does not hold an API token`);
}

/** Written whole under another name and then linked: of two that do it at once, one's token is everybody's. */
async function createToken(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(unfinished, `${randomBytes(TOKEN_BYTES).toString("base64url")}\n`, {
    mode: 0o600,
    flag: "wx",
    flush: true,
  });
  try {
    await link(unfinished, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(unfinished, { force: true });
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** Throws SLIPWAY_API_UNAUTHORIZED unless the request carries the token (RFC 6750, section 2.1). */
export function requireToken(request: IncomingMessage, token: string): void {
  const [scheme, given] = (request.headers.authorization ?? "").split(" ", 2);
  if (scheme?.toLowerCase() !== "bearer" || given === undefined) throw unauthorized("carries no bearer token");
  if (!timingSafeEqual(digest(given), digest(token))) throw unauthorized("carries a wrong token");
}

/** Of one length whatever was given: the comparison must not tell how long the token is. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const unauthorized = (how: string): SlipwayError => apiError("SLIPWAY_API_UNAUTHORIZED", `the request ${how}`);
