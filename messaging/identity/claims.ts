import type { Claims } from "./jwt.ts";

const UNLIMITED = -1;

export function operatorClaims(operator: { key: string; signingKey: string; systemAccount: string; name: string }): Claims {
  return {
    sub: operator.key,
    name: operator.name,
    nats: {
      signing_keys: [operator.signingKey],
      system_account: operator.systemAccount,
      type: "operator",
      version: 2,
    },
  };
}

/** JetStream for an account; -1 is no limit. Without it the account has none. */
export interface JetStreamLimits {
  memoryBytes: number;
  fileBytes: number;
  streams: number;
  consumers: number;
}

export const UNLIMITED_JETSTREAM: JetStreamLimits = {
  memoryBytes: UNLIMITED,
  fileBytes: UNLIMITED,
  streams: UNLIMITED,
  consumers: UNLIMITED,
};

export function accountClaims(account: {
  key: string;
  name: string;
  jetStream?: JetStreamLimits;
  /** A user's public key, or `*` for every user → seconds since the epoch: JWTs issued until then are void. */
  revocations?: Record<string, number>;
}): Claims {
  const { jetStream } = account;
  return {
    sub: account.key,
    name: account.name,
    nats: {
      limits: {
        subs: UNLIMITED,
        data: UNLIMITED,
        payload: UNLIMITED,
        imports: UNLIMITED,
        exports: UNLIMITED,
        wildcards: true,
        conn: UNLIMITED,
        leaf: UNLIMITED,
        ...(jetStream === undefined
          ? {}
          : {
              mem_storage: jetStream.memoryBytes,
              disk_storage: jetStream.fileBytes,
              streams: jetStream.streams,
              consumer: jetStream.consumers,
            }),
      },
      // A user whose own JWT says nothing may do nothing.
      default_permissions: { pub: { deny: [">"] }, sub: { deny: [">"] } },
      ...(account.revocations === undefined ? {} : { revocations: account.revocations }),
      type: "account",
      version: 2,
    },
  };
}

export interface UserPermissions {
  publish: string[];
  subscribe: string[];
  /** Subjects kept back from what a wildcard above would include. */
  publishDeny?: string[];
  subscribeDeny?: string[];
  /** Publishing to the reply subject of each message received, within this time. */
  respond?: { messages: number; withinMs: number };
}

export function userClaims(user: { key: string; name: string; permissions: UserPermissions; expiresAt?: Date }): Claims {
  const { permissions, expiresAt } = user;
  return {
    sub: user.key,
    name: user.name,
    ...(expiresAt === undefined ? {} : { exp: Math.floor(expiresAt.getTime() / 1000) }),
    nats: {
      pub: permission(permissions.publish, permissions.publishDeny),
      sub: permission(permissions.subscribe, permissions.subscribeDeny),
      ...(permissions.respond === undefined
        ? {}
        : { resp: { max: permissions.respond.messages, ttl: permissions.respond.withinMs * 1_000_000 } }),
      subs: UNLIMITED,
      data: UNLIMITED,
      payload: UNLIMITED,
      type: "user",
      version: 2,
    },
  };
}

/** The request to forget an account, which the resolver takes only signed by the operator. */
export function deleteAccountClaims(operator: string, account: string): Claims {
  return { sub: operator, name: "delete", nats: { accounts: [account], type: "generic", version: 2 } };
}

/** An empty allow list means "everything" to nats-server: nothing is said by denying everything. */
function permission(allow: string[], deny: string[] = []): { allow?: string[]; deny?: string[] } {
  if (allow.length === 0) return { deny: [">"] };
  return { allow, ...(deny.length === 0 ? {} : { deny }) };
}
