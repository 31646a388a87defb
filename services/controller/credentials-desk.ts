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

export type Authority = Pick<AccountAuthority, "issue" | "revoke" | "removeProjectAccount">;

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
    // Read anew: the node may have heard of the assignment before this process did.
    const entry = await this.#state.assignments.refresh(instanceKey(node, instanceId));
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
    await this.#tell("credentials.issued", entry.value, { expiresAt: issued.expiresAt });
    return issued;
  }

  #revokeWhenGone(key: string, instance: Assignee | undefined): void {
    const { assignments, observed } = this.#state;
    if (instance === undefined || assignments.get(key) !== undefined || observed.get(key) !== undefined) return;
    const task = this.#revoke(instance).catch((error: unknown) =>
      this.#log(`the credentials of ${instance.name} could not be revoked yet`, error),
    );
    this.#revocations.add(task);
    void task.finally(() => this.#revocations.delete(task));
  }

  async #revoke(instance: Assignee): Promise<void> {
    await this.#authority.revoke(instance.instanceId);
    await this.#tell("credentials.revoked", instance, {});
  }

  async #tell(type: "credentials.issued" | "credentials.revoked", instance: Assignee, data: object): Promise<void> {
    await this.#platform.events.append({
      type,
      source: CONTROLLER_SOURCE,
      subject: instanceSubject(instance),
      project: instance.project,
      data: { instanceId: instance.instanceId, ...data },
    });
  }
}

type Assignee = Pick<Assignment, "instanceId" | "project" | "service" | "name">;
