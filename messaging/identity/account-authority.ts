import { join } from "node:path";
import type { IssuedCredentials } from "#contracts/subjects.ts";
import type { Link } from "../connection/link.ts";
import { openLink } from "../connection/open-link.ts";
import { makePrivateFolder } from "../state-file.ts";
import { AccountRecords } from "./account-record.ts";
import { deleteAccountClaims } from "./claims.ts";
import { ClaimsResolver } from "./claims-resolver.ts";
import { signJwt } from "./jwt.ts";
import { loadOrCreateSigningKey } from "./platform-identity.ts";
import { type AccountContext, type CredentialsOrder, ProjectAccount } from "./project-account.ts";

const RETRY_MS = 1_000;

export interface AuthorityOptions {
  url: string;
  /** The home's keys folder, written before by `prepareNatsServer`. */
  keys: string;
  /** Ends the wait for a server that is not there. */
  signal?: AbortSignal;
}

export interface CredentialHolder {
  project: string;
  instanceId: string;
}

/** Connects as the system account, reads the accounts on record and makes the server know them all. One a platform: control's. */
export async function openAccountAuthority(options: AuthorityOptions): Promise<AccountAuthority> {
  const { url, keys, signal } = options;
  const folder = join(keys, "accounts");
  await makePrivateFolder(folder);
  const records = new AccountRecords(folder);
  const link = await openLink({
    url,
    credsFile: join(keys, "system.creds"),
    name: "accounts",
    ...(signal && { signal }),
  });
  try {
    const context = { records, resolver: new ClaimsResolver(link), signing: await loadOrCreateSigningKey(keys) };
    const accounts = (await records.readAll()).map((record) => ProjectAccount.restore(record, context));
    const authority = new AccountAuthority(link, context, accounts);
    await authority.pushAll();
    return authority;
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

/** Gives every project an account and every instance a user in it, and takes them away again. */
export class AccountAuthority implements AsyncDisposable {
  readonly #link: Link;
  readonly #context: AccountContext;
  readonly #accounts: Map<string, ProjectAccount>;
  readonly #creating = new Map<string, Promise<ProjectAccount>>();
  #retry: NodeJS.Timeout | undefined;
  #disposed = false;

  /** Use {@link openAccountAuthority}. */
  constructor(link: Link, context: AccountContext, accounts: ProjectAccount[]) {
    this.#link = link;
    this.#context = context;
    this.#accounts = new Map(accounts.map((account) => [account.project, account]));
    link.onStatus(({ type }) => {
      if (type === "reconnected") void this.pushAll().catch(() => undefined);
    });
  }

  /** Makes the project's account, or nothing when it is there. */
  async ensureProjectAccount(project: string): Promise<void> {
    await this.#account(project);
  }

  /** Credentials of an instance, limited to what its service declares, making the project's account where it is not there. */
  async issue(order: CredentialsOrder): Promise<IssuedCredentials> {
    const account = await this.#account(order.project);
    return account.issue(order);
  }

  /** Instances that have credentials which nobody has made void. */
  credentialHolders(): CredentialHolder[] {
    return [...this.#accounts.values()].flatMap((account) => {
      const { project } = account;
      return [...account.holders()].map((instanceId) => ({ project, instanceId }));
    });
  }

  /**
   * Makes all credentials of an instance void and cuts off who uses them; nothing for an unknown one. On record when it
   * rejects with SLIPWAY_MESSAGING_UNAVAILABLE, and then carried out as soon as the server is back.
   */
  async revoke(instanceId: string): Promise<void> {
    for (const account of this.#accounts.values()) {
      if (account.hasUserOf(instanceId)) await this.#retryLater(account.revoke(instanceId));
    }
  }

  /** Takes the project's account away: all its users are cut off and can never come back. */
  async removeProjectAccount(project: string): Promise<void> {
    const account = this.#accounts.get(project);
    if (account === undefined) return;
    const { signing, resolver, records } = this.#context;
    // A revocation that was pushed after the removal would make the account anew.
    await account.retire();
    try {
      await resolver.delete(signJwt(deleteAccountClaims(signing.publicKey, account.publicKey), signing), account.publicKey);
    } catch (error) {
      account.resume();
      throw error;
    }
    this.#accounts.delete(project);
    await account.settled();
    // Last: while the record is there, a removal that was cut short can be repeated.
    await records.remove(project);
  }

  /** Makes the server know every account as it is; what a lost resolver folder held is there again. */
  async pushAll(): Promise<void> {
    const pushes = [...this.#accounts.values()].map((account) => account.pushIfLost());
    await Promise.allSettled(pushes);
    await this.#retryLater(Promise.all(pushes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#retry);
    await this.#link[Symbol.asyncDispose]();
    await Promise.all([...this.#accounts.values()].map((account) => account.settled()));
  }

  async #account(project: string): Promise<ProjectAccount> {
    const known = this.#accounts.get(project);
    if (known !== undefined) {
      await known.pushIfBehind();
      return known;
    }
    let creating = this.#creating.get(project);
    if (creating === undefined) {
      creating = this.#create(project).finally(() => this.#creating.delete(project));
      this.#creating.set(project, creating);
    }
    return creating;
  }

  async #create(project: string): Promise<ProjectAccount> {
    const account = await ProjectAccount.create(project, this.#context);
    // Before the push, which may have arrived although it failed: the key that was pushed stays the project's.
    this.#accounts.set(project, account);
    await account.push();
    return account;
  }

  /** What the server did not take is pushed again until it does; the caller hears of the failure now. */
  async #retryLater(pushed: Promise<unknown>): Promise<void> {
    try {
      await pushed;
    } catch (error) {
      if (!this.#disposed) {
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => void this.pushAll().catch(() => undefined), RETRY_MS);
      }
      throw error;
    }
  }
}
