import type { IssuedCredentials } from "#contracts/subjects.ts";
import { CoalescedTask } from "../coalesced-task.ts";
import type { AccountRecord, AccountRecords, IssuedUser } from "./account-record.ts";
import { accountClaims, type JetStreamLimits, userClaims } from "./claims.ts";
import type { ClaimsResolver } from "./claims-resolver.ts";
import { formatCreds } from "./creds-file.ts";
import { signJwt } from "./jwt.ts";
import { Nkey } from "./nkey.ts";
import { type DeclaredSubjects, servicePermissions } from "./service-permissions.ts";

/** A project's share of JetStream. */
const PROJECT_JETSTREAM: JetStreamLimits = {
  memoryBytes: 64 * 1024 ** 2,
  fileBytes: 1024 ** 3,
  streams: 64,
  consumers: 512,
};
/** A user is remembered for so long after its JWT expired: a clock may be set back. */
const FORGET_AFTER_EXPIRY_S = 3600;

/** In revocations: every user whose JWT was issued until then (nats-io/jwt, `All`). */
const EVERY_USER = "*";

export interface CredentialsOrder {
  project: string;
  instanceId: string;
  service: string;
  permissions: DeclaredSubjects;
  expiresInMs: number;
}

/** What an account needs of the platform. */
export interface AccountContext {
  records: AccountRecords;
  resolver: ClaimsResolver;
  /** The operator's signing key. */
  signing: Nkey;
}

/** One project's account: it signs the users of the project's instances and knows which of them are void. */
export class ProjectAccount {
  readonly project: string;
  readonly publicKey: string;
  readonly #key: Nkey;
  readonly #context: AccountContext;
  readonly #save = new CoalescedTask(() => this.#writeRecord());
  readonly #push = new CoalescedTask(() => this.#updateServer());
  #users: IssuedUser[];
  /** What was issued until then is void: what a revoked user need not be named for. Seconds since the epoch. */
  #voidUntil: number;
  #pushedJwt: string | undefined;
  /** True while the server may know less than this does. */
  #behind = true;
  /** On its way out: a push from now on would bring the account back. */
  #retired = false;

  private constructor(record: AccountRecord, context: AccountContext) {
    this.project = record.project;
    this.#key = Nkey.fromSeed("account", record.seed, `the record of project ${record.project}`);
    this.publicKey = this.#key.publicKey;
    this.#users = record.users;
    this.#voidUntil = record.voidUntil ?? 0;
    this.#context = context;
  }

  static async create(project: string, context: AccountContext): Promise<ProjectAccount> {
    const account = new ProjectAccount({ project, seed: Nkey.generate("account").seed, users: [] }, context);
    await account.#save.run();
    return account;
  }

  static restore(record: AccountRecord, context: AccountContext): ProjectAccount {
    return new ProjectAccount(record, context);
  }

  /** Makes the server know this account as it is now. Calls at once share a push. */
  push(): Promise<void> {
    return this.#push.run();
  }

  /** Pushes what the server was never told. */
  async pushIfBehind(): Promise<void> {
    if (this.#behind) await this.push();
  }

  /** Pushes what the server was never told, or has forgotten. */
  async pushIfLost(): Promise<void> {
    if (!this.#behind && (await this.#context.resolver.lookup(this.publicKey)) === this.#pushedJwt) return;
    await this.push();
  }

  /** Signs a user. It is on record before it is handed out, so that it can be revoked whatever happens next. */
  async issue(order: CredentialsOrder): Promise<IssuedCredentials> {
    const permissions = servicePermissions(order.permissions);
    const key = Nkey.generate("user");
    const expiresAt = Math.floor((Date.now() + order.expiresInMs) / 1000);
    // The clock may have been set back since.
    const issuedAt = Math.max(nowInSeconds(), this.#voidUntil + 1);
    this.#users.push({ instanceId: order.instanceId, publicKey: key.publicKey, issuedAt, expiresAt });
    await this.#save.run();
    const expiry = new Date(expiresAt * 1000);
    const name = `${order.project}/${order.service}/${order.instanceId}`;
    const claims = userClaims({ key: key.publicKey, name, permissions, expiresAt: expiry });
    const jwt = signJwt(claims, this.#key, new Date(issuedAt * 1000));
    return { creds: formatCreds(jwt, key), expiresAt: expiry.toISOString() };
  }

  /** Makes every user of an instance void. */
  async revoke(instanceId: string): Promise<void> {
    const revokedAt = nowInSeconds();
    const good = this.#users.filter((user) => user.instanceId === instanceId && user.revokedAt === undefined);
    if (good.length > 0) {
      this.#behind = true;
      for (const user of good) user.revokedAt = revokedAt;
      await this.#save.run();
    }
    await this.pushIfBehind();
  }

  /** Instances with credentials that are good. */
  holders(): Set<string> {
    const now = nowInSeconds();
    const good = this.#users.filter(({ revokedAt, expiresAt }) => revokedAt === undefined && expiresAt > now);
    return new Set(good.map(({ instanceId }) => instanceId));
  }

  hasUserOf(instanceId: string): boolean {
    return this.#users.some((user) => user.instanceId === instanceId);
  }

  /** Pushes nothing more, and waits for the pushes under way. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#push.idle();
  }

  /** It stays after all: the server may have refused its removal, or not heard of it. */
  resume(): void {
    this.#retired = false;
    this.#behind = true;
  }

  async settled(): Promise<void> {
    await this.#push.idle();
    await this.#save.idle();
  }

  async #writeRecord(): Promise<void> {
    const remembered = nowInSeconds() - FORGET_AFTER_EXPIRY_S;
    this.#users = this.#users.filter((user) => user.expiresAt > remembered);
    this.#forgetOldest();
    const { project } = this;
    await this.#context.records.write({
      project,
      seed: this.#key.seed,
      voidUntil: this.#voidUntil,
      users: this.#users,
    });
  }

  /**
   * Names no more the revoked users that are older than every good one: one time says it for all of them. Else a project of short runs would
   * tell the server of each for a day, at every revocation.
   */
  #forgetOldest(): void {
    const good = this.#users.filter(({ revokedAt }) => revokedAt === undefined);
    // In this second more may be issued.
    const oldestGood = Math.min(nowInSeconds(), ...good.map(({ issuedAt = 0 }) => issuedAt));
    const isNamed = ({ issuedAt = oldestGood }: IssuedUser): boolean => issuedAt >= oldestGood;
    const forgotten = this.#users.filter((user) => !isNamed(user));
    this.#voidUntil = Math.max(this.#voidUntil, ...forgotten.map(({ issuedAt = 0 }) => issuedAt));
    this.#users = this.#users.filter(isNamed);
  }

  async #updateServer(): Promise<void> {
    if (this.#retired) return;
    const jwt = this.#signClaims();
    this.#behind = false;
    try {
      await this.#context.resolver.update(jwt, this.publicKey);
      this.#pushedJwt = jwt;
    } catch (error) {
      this.#behind = true;
      throw error;
    }
  }

  #signClaims(): string {
    const remembered = nowInSeconds() - FORGET_AFTER_EXPIRY_S;
    const revocations: Record<string, number> = this.#voidUntil > 0 ? { [EVERY_USER]: this.#voidUntil } : {};
    for (const { publicKey, revokedAt, expiresAt } of this.#users) {
      // Void is what was issued until then. Each key has one JWT: all of its life counts, or a clock set back since would leave it good.
      if (revokedAt !== undefined && expiresAt > remembered) revocations[publicKey] = Math.max(revokedAt, expiresAt);
    }
    return signJwt(
      accountClaims({ key: this.publicKey, name: this.project, jetStream: PROJECT_JETSTREAM, revocations }),
      this.#context.signing,
    );
  }
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000);
