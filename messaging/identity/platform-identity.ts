import { join } from "node:path";
import { makePrivateFolder, removeUnfinished, writeStateFile } from "../state-file.ts";
import { accountClaims, operatorClaims, UNLIMITED_JETSTREAM, userClaims, type UserPermissions } from "./claims.ts";
import { formatCreds, parseCreds } from "./creds-file.ts";
import { signJwt } from "./jwt.ts";
import { loadOrCreateKey, readIfPresent } from "./key-file.ts";
import { Nkey } from "./nkey.ts";
import {
  PLATFORM_PROCESSES,
  type PlatformProcess,
  processPermissions,
  SYSTEM_USER_PERMISSIONS,
} from "./process-permissions.ts";

export interface SignedAccount {
  key: string;
  jwt: string;
}

/** Who this platform is to NATS. The keys stay the same for the life of a home; the JWTs are signed anew at each start. */
export interface PlatformIdentity {
  operatorJwt: string;
  systemAccount: SignedAccount;
  platformAccount: SignedAccount;
  /** Paths of the credentials files. `system` is control's, for pushing accounts. */
  creds: Record<PlatformProcess | "system", string>;
}

/**
 * Reads the platform's keys from the keys folder, making what is missing, and writes the credentials of its processes.
 * Several processes must not do this at once: the supervisor does, before it starts them.
 */
export async function openPlatformIdentity(keys: string): Promise<PlatformIdentity> {
  await makePrivateFolder(keys);
  await removeUnfinished(keys);
  const operator = await loadOrCreateKey(join(keys, "operator.nk"), "operator");
  const signing = await loadOrCreateSigningKey(keys);
  const system = await loadOrCreateKey(join(keys, "system-account.nk"), "account");
  const platform = await loadOrCreateKey(join(keys, "platform-account.nk"), "account");
  return {
    operatorJwt: signJwt(
      operatorClaims({
        key: operator.publicKey,
        name: "slipway",
        signingKey: signing.publicKey,
        systemAccount: system.publicKey,
      }),
      operator,
    ),
    systemAccount: signAccount(system, signing, "system"),
    platformAccount: signAccount(platform, signing, "platform"),
    creds: {
      system: await writeUserCreds(keys, "system", system, SYSTEM_USER_PERMISSIONS),
      ...(await writeProcessCreds(keys, platform)),
    },
  };
}

/** The key that signs accounts in the operator's name; control holds it, the operator's own key signs nothing else. */
export const loadOrCreateSigningKey = (keys: string): Promise<Nkey> =>
  loadOrCreateKey(join(keys, "operator-signing.nk"), "operator");

async function writeProcessCreds(keys: string, platform: Nkey): Promise<Record<PlatformProcess, string>> {
  const written = {} as Record<PlatformProcess, string>;
  for (const process of PLATFORM_PROCESSES) {
    written[process] = await writeUserCreds(keys, process, platform, processPermissions(process));
  }
  return written;
}

function signAccount(account: Nkey, signing: Nkey, name: "system" | "platform"): SignedAccount {
  const jetStream = name === "platform" ? { jetStream: UNLIMITED_JETSTREAM } : {};
  return { key: account.publicKey, jwt: signJwt(accountClaims({ key: account.publicKey, name, ...jetStream }), signing) };
}

/** Writes `<name>.creds`, keeping the user's key when the file is there already. */
async function writeUserCreds(keys: string, name: string, account: Nkey, permissions: UserPermissions): Promise<string> {
  const path = join(keys, `${name}.creds`);
  const existing = await readIfPresent(path);
  const key = existing === undefined ? Nkey.generate("user") : parseCreds(existing, path).key;
  const jwt = signJwt(userClaims({ key: key.publicKey, name, permissions }), account);
  await writeStateFile(path, formatCreds(jwt, key));
  return path;
}
