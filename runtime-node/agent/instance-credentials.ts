import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Assignment } from "#contracts/instance.ts";
import { replaceFile } from "#contracts/replace-file.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import { CONTROL_SUBJECTS, type CredentialsRequest, type IssuedCredentials } from "#contracts/subjects.ts";
import type { Platform } from "#messaging/platform.ts";
import type { InstanceCredentials } from "../container/node-services.ts";
import { CREDENTIALS_FILE } from "../container/secrets.ts";

/** A control process that is killed takes the request with it: then it is made again. */
const REQUEST_TIMEOUT_MS = 3_000;
/** So long a start waits for them. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 200;
/** What says that control or nats-server is away, and nothing of the request: it may be made twice. */
const AWAY = ["SLIPWAY_MESSAGING_NO_RESPONDER", "SLIPWAY_MESSAGING_TIMEOUT", "SLIPWAY_MESSAGING_UNAVAILABLE"];
/** Renewed when a third of its life is left; tried again this often when control is away. */
const RENEW_RETRY_MS = 30_000;
/** setTimeout's longest. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface CredentialsFile {
  folder: string;
  uid: number;
  gid: number;
}

/**
 * Each instance's own NATS identity: asked of the control plane, written where only the container's user reads it, renewed in
 * place. A container that has good credentials already starts also while the control plane is away.
 */
export class NodeCredentials implements InstanceCredentials, Disposable {
  readonly natsUrl: string;
  readonly #node: string;
  readonly #platform: Promise<Platform>;
  readonly #renewals = new Map<string, NodeJS.Timeout>();

  constructor(node: string, natsUrl: string, platform: Promise<Platform>) {
    this.#node = node;
    this.natsUrl = natsUrl;
    this.#platform = platform;
  }

  async provide(assignment: Assignment, file: CredentialsFile, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#issue(assignment, file, signal);
      } catch (error) {
        signal.throwIfAborted();
        const remainingMs = remainingLife(file);
        if (remainingMs > 0) return this.#renewIn(Math.min(remainingMs / 2, RENEW_RETRY_MS), assignment, file);
        if (!hasCode(error, ...AWAY) || performance.now() > deadline) throw error;
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }

  withdraw(instanceId: string): void {
    clearTimeout(this.#renewals.get(instanceId));
    this.#renewals.delete(instanceId);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#renewals.values()) clearTimeout(timer);
    this.#renewals.clear();
  }

  async #issue(assignment: Assignment, file: CredentialsFile, signal?: AbortSignal): Promise<void> {
    const platform = await this.#platform;
    const issued = await platform.request<CredentialsRequest, IssuedCredentials>(
      CONTROL_SUBJECTS.issueCredentials,
      { node: this.#node, instanceId: assignment.instanceId },
      { timeoutMs: REQUEST_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
    );
    const path = join(file.folder, CREDENTIALS_FILE);
    replaceFile(path, issued.creds, { mode: 0o400, owner: file });
    replaceFile(expiryFile(file), issued.expiresAt);
    this.#renewIn(((Date.parse(issued.expiresAt) - Date.now()) * 2) / 3, assignment, file);
  }

  #renewIn(delayMs: number, assignment: Assignment, file: CredentialsFile): void {
    const { instanceId } = assignment;
    clearTimeout(this.#renewals.get(instanceId));
    const renew = (): void => {
      this.#issue(assignment, file).catch(() => this.#renewIn(RENEW_RETRY_MS, assignment, file));
    };
    this.#renewals.set(instanceId, setTimeout(renew, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS)));
  }
}

/** Beside the folder that the container sees, not in it. */
const expiryFile = ({ folder }: CredentialsFile): string => `${folder}.expires`;

function remainingLife(file: CredentialsFile): number {
  try {
    statSync(join(file.folder, CREDENTIALS_FILE));
    return Date.parse(readFileSync(expiryFile(file), "utf8")) - Date.now();
  } catch {
    return 0;
  }
}
