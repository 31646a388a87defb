import { Type } from "typebox";
import { parse } from "#contracts/parse.ts";
import { type RegistryCredentials, readCredentials } from "./docker-credentials.ts";
import { imageError } from "./errors.ts";

const CLIENT_ID = "slipway";

const TokenAnswer = Type.Object({
  token: Type.Optional(Type.String()),
  access_token: Type.Optional(Type.String()),
});

interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/**
 * Answers a registry's challenges: Basic (RFC 7617), and Bearer tokens from the realm that it names (distribution, "Token
 * Authentication Specification"). Holds the authorization of one repository.
 */
export class RegistryAuthorizer {
  readonly #registry: string;
  readonly #scope: string;
  readonly #configPath: string;
  readonly #allowsPlainHttp: boolean;
  #authorization: string | undefined;

  constructor(options: { registry: string; repository: string; configPath: string; allowsPlainHttp: boolean }) {
    this.#registry = options.registry;
    this.#scope = `repository:${options.repository}:pull`;
    this.#configPath = options.configPath;
    this.#allowsPlainHttp = options.allowsPlainHttp;
  }

  /** The Authorization header's value as far as one is known. */
  get authorization(): string | undefined {
    return this.#authorization;
  }

  /** Makes a new authorization after a 401; throws SLIPWAY_IMAGE_UNAUTHORIZED when there is none to be had. */
  async answer(challengeHeader: string | null, signal: AbortSignal): Promise<void> {
    const challenges = parseChallenges(challengeHeader ?? "");
    const credentials = await readCredentials(this.#configPath, this.#registry);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      this.#authorization = `Bearer ${await this.#fetchToken(bearer, credentials, signal)}`;
      return;
    }
    if (credentials === undefined || "refreshToken" in credentials)
      throw this.#refused("and there are no credentials for it");
    this.#authorization = basic(credentials);
  }

  async #fetchToken(
    challenge: Challenge,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const realm = this.#parseRealm(challenge.parameters["realm"]);
    const parameters = new URLSearchParams({ scope: challenge.parameters["scope"] ?? this.#scope });
    const { service } = challenge.parameters;
    if (service !== undefined) parameters.set("service", service);
    const response = await fetch(...tokenRequest(realm, parameters, credentials, signal));
    if (!response.ok) {
      await response.body?.cancel();
      throw this.#refused(`and ${realm.host} answered ${response.status} when asked for a token`);
    }
    const answer = parse(TokenAnswer, await response.json(), `the token answer of ${realm.host}`);
    const token = answer.token ?? answer.access_token;
    if (token === undefined) throw this.#refused(`and ${realm.host} answered without a token`);
    return token;
  }

  #parseRealm(realm: string | undefined): URL {
    const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
    if (url === undefined) throw this.#refused("and its challenge names no realm");
    // A registry reached over TLS must not have us send a password in the clear.
    const isSafe = url.protocol === "https:" || (url.protocol === "http:" && this.#allowsPlainHttp);
    if (!isSafe) throw this.#refused(`and its realm ${url.href} is not an https address`);
    return url;
  }

  #refused(reason: string): Error {
    return imageError(
      "SLIPWAY_IMAGE_UNAUTHORIZED",
      `the registry ${this.#registry} wants a login for ${this.#scope}, ${reason}`,
    );
  }
}

function tokenRequest(
  realm: URL,
  parameters: URLSearchParams,
  credentials: RegistryCredentials | undefined,
  signal: AbortSignal,
): [URL, RequestInit] {
  if (credentials !== undefined && "refreshToken" in credentials) {
    parameters.set("grant_type", "refresh_token");
    parameters.set("client_id", CLIENT_ID);
    parameters.set("refresh_token", credentials.refreshToken);
    return [realm, { method: "POST", body: parameters, signal }];
  }
  const url = new URL(realm);
  for (const [key, value] of parameters) url.searchParams.set(key, value);
  return [url, { signal, headers: credentials === undefined ? {} : { authorization: basic(credentials) } }];
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** `Bearer realm="…",service="…", Basic realm="…"` (RFC 9110, section 11.6.1). */
function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const pattern = /([A-Za-z]+)\s+(?=[A-Za-z_]+\s*=)|([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g;
  for (const [, scheme, key, quoted, plain] of header.matchAll(pattern)) {
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (key !== undefined) {
      const parameters = challenges.at(-1)?.parameters;
      if (parameters !== undefined) parameters[key.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
    }
  }
  return challenges;
}
