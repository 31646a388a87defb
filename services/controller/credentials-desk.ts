import { instanceKey } from "#contracts/buckets.ts";
import type { Assignment } from "#contracts/instance.ts";
import { CONTROL_SUBJECTS, type CredentialsRequest, type IssuedCredentials } from "#contracts/subjects.ts";
import type { AccountAuthority } from "#messaging/identity/account-authority.ts";
import type { Platform } from "#messaging/platform.ts";
import type { Log } from "#services/state/log.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import { controllerError } from "./errors.ts";
import { CONTROLLER_SOURCE, instanceSubject } from "./event-subject.ts";

/** The agent renews well before; a revocation does not wait for it. */
const CREDENTIALS_LIFETIME_MS = 24 * 3_600_000;

export type Authority = Pick<AccountAuthority, "issue" | "revoke" | "removeProjectAccount" | "credentialHolders">;

/** How often it is looked for credentials whose instance went unseen: a control process that is killed takes its revocations along. */
const FORGOTTEN_INTERVAL_MS = 30_000;

/**
 * Gives an instance its messaging identity when its node asks, limited to what its service declares (nothing declared: an identity
 * that may do nothing), and makes it void when the instance is neither assigned nor reported any more: it may speak
 * until it has stopped.
 */
export class CredentialsDesk implements AsyncDisposable {
  readonly #platform: Platform;
  readonly #state: ClusterState;
  readonly #authority: Authority;
  readonly #log: Log;
  readonly #resources = new AsyncDisposableStack();
  readonly #revocations = new Set<Promise<void>>();

  constructor(options: { platform: Platform; state: ClusterState; authority: Authority; log: Log }) {
    this.#platform = options.platform;
    this.#state = options.state;
    this.#authority = options.authority;
    this.#log = options.log;
    this.#resources.defer(async () => void (await Promise.all(this.#revocations)));
    const { assignments, observed } = options.state;
    const revoke = (key: string, instance: Assignee | undefined): void => this.#revokeWhenGone(key, instance);
    this.#resources.defer(assignments.onChange(({ key, before, after }) => after ?? revoke(key, before)));
    this.#resources.defer(observed.onChange(({ key, before, after }) => after ?? revoke(key, before)));
    this.#revokeForgotten();
    const timer = setInterval(() => this.#revokeForgotten(), FORGOTTEN_INTERVAL_MS);
    this.#resources.defer(() => clearInterval(timer));
    this.#resources.use(
      options.platform.serve<CredentialsRequest, IssuedCredentials>(
        CONTROL_SUBJECTS.issueCredentials,
        (request) => this.#issue(request),
        { queue: "control" },
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #issue({ node, instanceId }: CredentialsRequest): Promise<IssuedCredentials> {
    const { assignments } = this.#state;
    const key = instanceKey(node, instanceId);
    // Read anew: the node may have heard of the assignment before this process did.
    const entry = assignments.get(key) ?? (await assignments.refresh(key));
    if (entry === undefined) {
      throw controllerError(
        "SLIPWAY_CONTROLLER_INSTANCE_UNKNOWN",
        `node ${node} asks for credentials of instance ${instanceId}, which is not assigned to it`,
      );
    }
    const { project, service, spec } = entry.value;
    const { publishes, subscribes, requests, serves } = spec.slipway;
    const issued = await this.#authority.issue({
      project,
      instanceId,
      service,
      permissions: { publishes, subscribes, requests, serves },
      expiresInMs: CREDENTIALS_LIFETIME_MS,
    });
    const data = { instanceId, expiresAt: issued.expiresAt };
    await this.#tell("credentials.issued", project, instanceSubject(entry.value), data);
    return issued;
  }

  #revokeWhenGone(key: string, instance: Assignee | undefined): void {
    const { assignments, observed } = this.#state;
    if (instance === undefined || assignments.get(key) !== undefined || observed.get(key) !== undefined) return;
    this.#revokeLater(instance.instanceId, instance.project, instanceSubject(instance));
  }

  /** Credentials of instances that are neither assigned nor reported: nothing more will be heard of these. */
  #revokeForgotten(): void {
    const { assignments, observed } = this.#state;
    const known = new Set([...assignments.entries(), ...observed.entries()].map(({ value }) => value.instanceId));
    for (const { instanceId, project } of this.#authority.credentialHolders()) {
      if (!known.has(instanceId)) this.#revokeLater(instanceId, project, project);
    }
  }

  #revokeLater(instanceId: string, project: string, subject: string): void {
    const task = this.#revoke(instanceId, project, subject).catch((error: unknown) =>
      this.#log(`the credentials of ${subject} (instance ${instanceId}) could not be revoked yet`, error),
    );
    this.#revocations.add(task);
    void task.finally(() => this.#revocations.delete(task));
  }

  async #revoke(instanceId: string, project: string, subject: string): Promise<void> {
    await this.#authority.revoke(instanceId);
    await this.#tell("credentials.revoked", project, subject, { instanceId });
  }

  async #tell(
    type: "credentials.issued" | "credentials.revoked",
    project: string,
    subject: string,
    data: Record<string, unknown>,
  ): Promise<void> {
    await this.#platform.events.append({ type, source: CONTROLLER_SOURCE, subject, project, data });
  }
}

type Assignee = Pick<Assignment, "instanceId" | "project" | "service" | "name">;
