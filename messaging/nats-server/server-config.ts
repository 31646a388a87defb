import { join } from "node:path";
import { readJwt } from "../identity/jwt.ts";
import type { PlatformIdentity } from "../identity/platform-identity.ts";

export interface ServerConfig {
  serverName: string;
  listenAddress: string;
  port: number;
  /** The home's `nats` folder: JetStream's store, the accounts, this configuration. */
  folder: string;
  identity: PlatformIdentity;
}

/** 4 MiB: a large project's spec or a batch of log lines; nats-server advises against more than 8. */
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;
/** A project's own limits hold it back; this only has to be more than their sum, which nats-server reserves. */
const MAX_STORE_BYTES = 1024 ** 5;
const MAX_MEMORY_STORE_BYTES = 1024 ** 4;

/**
 * nats-server's configuration file. It is written as JSON, which its parser takes: every string is quoted by one rule. There is
 * no monitoring port in it, and its secrets stay in the keys folder: it holds public JWTs only.
 */
export function renderServerConfig(config: ServerConfig): string {
  const { identity, folder } = config;
  const document = {
    server_name: config.serverName,
    host: config.listenAddress,
    port: config.port,
    max_payload: MAX_PAYLOAD_BYTES,
    ping_interval: "20s",
    // A machine under load starts processes slowly; an authentication cut short looks like bad credentials.
    authorization: { timeout: 10 },
    jetstream: {
      store_dir: join(folder, "jetstream"),
      sync_interval: "always",
      max_memory_store: MAX_MEMORY_STORE_BYTES,
      max_file_store: MAX_STORE_BYTES,
    },
    operator: identity.operatorJwt,
    system_account: identity.systemAccount.key,
    resolver: {
      type: "full",
      dir: join(folder, "accounts"),
      allow_delete: true,
      // Else the file of every removed project's account stays for ever, under another name.
      hard_delete: true,
      interval: "2m",
      // An unknown account is asked for among other servers for so long before its user is refused.
      timeout: "500ms",
    },
    resolver_preload: {
      [identity.systemAccount.key]: identity.systemAccount.jwt,
      [identity.platformAccount.key]: identity.platformAccount.jwt,
    },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g;

/**
 * Whether two configurations say the same to nats-server: the JWTs in them are signed anew at each start, with the same claims. What runs on
 * the one then need not be restarted for the other.
 */
export function meansTheSame(one: string, other: string): boolean {
  return withoutSigning(one) === withoutSigning(other);
}

function withoutSigning(config: string): string {
  return config.replaceAll(JWT, (jwt) => {
    const { iat: _iat, jti: _jti, ...claims } = readJwt(jwt);
    return JSON.stringify(claims);
  });
}
