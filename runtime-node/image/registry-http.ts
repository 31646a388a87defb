import { type Backoff, waitBeforeRetry } from "./backoff.ts";
import { dockerConfigPath } from "./docker-credentials.ts";
import { imageError } from "./errors.ts";
import type { ImageReference } from "./reference.ts";
import { RegistryAuthorizer } from "./registry-authorizer.ts";

const HUB_HOST = "registry-1.docker.io";
const RETRY_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface RegistryOptions {
  backoff: Backoff;
  /** How long a connection may be silent. */
  stallTimeoutMs: number;
  /** docker's config.json, where the credentials are. */
  dockerConfig?: string;
}

/** HTTP to one repository of a registry (OCI distribution-spec 1.1): addresses, authorization, retries, errors. */
export class RegistryHttp {
  readonly registry: string;
  readonly options: RegistryOptions;
  readonly #base: string;
  readonly #authorizer: RegistryAuthorizer;

  constructor({ registry, repository }: ImageReference, options: RegistryOptions) {
    const isPlain = isLoopback(registry);
    this.registry = registry;
    this.options = options;
    this.#base = `${isPlain ? "http" : "https"}://${registry === "docker.io" ? HUB_HOST : registry}/v2/${repository}`;
    const configPath = options.dockerConfig ?? dockerConfigPath();
    this.#authorizer = new RegistryAuthorizer({ registry, repository, configPath, allowsPlainHttp: isPlain });
  }

  /** GETs a path below the repository, again after 5xx, 429 and network errors. The answer is 200, 206 or 404. */
  async get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const { backoff } = this.options;
    for (let failures = 0; ;) {
      const outcome = await this.#attempt(path, headers, signal);
      if (outcome instanceof Response) return this.#accept(outcome, path);
      signal.throwIfAborted();
      failures++;
      if (failures >= backoff.attempts) throw this.#exhausted(outcome, path);
      await waitBeforeRetry(backoff, failures, signal, outcome.retryAfterMs);
    }
  }

  /** The error for a registry that cannot be reached, or not for long enough. */
  unreachable(path: string, cause: unknown): Error {
    const message = `GET ${this.#base}${path} failed: ${networkReason(cause)}`;
    return imageError("SLIPWAY_IMAGE_REGISTRY_UNREACHABLE", message, { cause });
  }

  async #attempt(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response | FailedAttempt> {
    let response: Response;
    try {
      response = await this.#fetchAuthorized(path, headers, signal);
    } catch (error) {
      if (isNetworkError(error)) return { cause: error, retryAfterMs: 0 };
      throw error;
    }
    if (!RETRY_STATUSES.has(response.status)) return response;
    await response.body?.cancel();
    return { status: response.status, retryAfterMs: retryAfterMs(response) };
  }

  async #fetchAuthorized(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch(path, headers, signal);
    if (response.status !== 401) return response;
    await response.body?.cancel();
    await this.#authorizer.answer(response.headers.get("www-authenticate"), signal);
    return this.#fetch(path, headers, signal);
  }

  #fetch(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const { authorization } = this.#authorizer;
    return fetch(`${this.#base}${path}`, {
      signal,
      // identity: fetch would otherwise decompress a layer that a proxy compressed on the way, and its digest would not match.
      headers: { "accept-encoding": "identity", ...headers, ...(authorization === undefined ? {} : { authorization }) },
    });
  }

  async #accept(response: Response, path: string): Promise<Response> {
    const { status } = response;
    if (status === 200 || status === 206 || status === 404) return response;
    await response.body?.cancel();
    const attempted = `GET ${this.#base}${path} was answered with ${status}`;
    if (status === 401 || status === 403) throw imageError("SLIPWAY_IMAGE_UNAUTHORIZED", attempted);
    throw imageError("SLIPWAY_IMAGE_REGISTRY_FAILED", attempted);
  }

  #exhausted(attempt: FailedAttempt, path: string): Error {
    if (attempt.status === undefined) return this.unreachable(path, attempt.cause);
    const message = `GET ${this.#base}${path} was answered with ${attempt.status}, ${this.options.backoff.attempts} times`;
    return imageError("SLIPWAY_IMAGE_REGISTRY_UNREACHABLE", message);
  }
}

interface FailedAttempt {
  status?: number;
  cause?: unknown;
  retryAfterMs: number;
}

/** docker's rule: a registry on this machine needs no certificate. */
function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

/** fetch rejects with a TypeError whose cause is the network's error (WHATWG Fetch, "network error"). */
function isNetworkError(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined;
}

/** The innermost reason: fetch says no more than "fetch failed". */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return networkReason(error.errors[0]);
  return error.cause === undefined ? error.message : networkReason(error.cause);
}
