import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";

interface AccountRecord {
  project: string;
  users: { instanceId: string; revokedAt?: number }[];
}

/** Who may still speak at nats-server: the accounts it knows, and of each project's account the users that nobody has made void. */
export async function readCredentials({ keys, nats }: Pick<HomeLayout, "keys" | "nats">): Promise<string[]> {
  const resolved = await names(join(nats, "accounts"));
  const accounts = await readAccounts(keys);
  const good = accounts.flatMap(({ project, users }) =>
    users
      .filter(({ revokedAt }) => revokedAt === undefined)
      .map(({ instanceId }) => `${project}: instance ${instanceId} has credentials`),
  );
  return [
    ...resolved.map((name) => `nats-server knows ${name}`),
    ...accounts.map(({ project }) => `account ${project}`),
    ...good,
  ];
}

/** Users that were made void and are remembered until their credentials would have expired anyway. */
export async function countRevoked({ keys }: Pick<HomeLayout, "keys">): Promise<number> {
  const accounts = await readAccounts(keys);
  return accounts.flatMap(({ users }) => users.filter(({ revokedAt }) => revokedAt !== undefined)).length;
}

async function readAccounts(keys: string): Promise<AccountRecord[]> {
  const folder = join(keys, "accounts");
  const files = (await names(folder)).filter((name) => name.endsWith(".json"));
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8")) as AccountRecord));
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
