import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { ProjectName } from "#contracts/names.ts";
import { parse } from "#contracts/parse.ts";
import { messagingError } from "../errors.ts";
import { removeStateFile, removeUnfinished, writeStateFile } from "../state-file.ts";
import { readIfPresent } from "./key-file.ts";

/** One user JWT that may still be good: whose it is, so that it can be revoked after a restart. No secret of the user's. */
const IssuedUser = Type.Object({
  instanceId: Type.String(),
  publicKey: Type.String(),
  /** Its JWT's `iat`, in seconds since the epoch; absent in records of earlier versions. */
  issuedAt: Type.Optional(Type.Integer()),
  /** Seconds since the epoch. */
  expiresAt: Type.Integer(),
  /** Seconds since the epoch; absent while it is good. */
  revokedAt: Type.Optional(Type.Integer()),
});
export type IssuedUser = Static<typeof IssuedUser>;

/** What is kept of a project's account, in `<keys>/accounts/<project>.json` (0600: it holds the account's seed). */
export const AccountRecord = Type.Object({
  project: ProjectName,
  seed: Type.String(),
  /** Seconds since the epoch: what was issued until then is void, and no user of it is named below. */
  voidUntil: Type.Optional(Type.Integer()),
  users: Type.Array(IssuedUser),
});
export type AccountRecord = Static<typeof AccountRecord>;

/** The records of all projects' accounts, each a file. */
export class AccountRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Besides, takes away what a process that was killed has left half written: there is one writer, and it has just begun. */
  async readAll(): Promise<AccountRecord[]> {
    await removeUnfinished(this.#folder);
    const files = (await readdir(this.#folder)).filter((file) => file.endsWith(".json"));
    return Promise.all(files.map((file) => this.#read(join(this.#folder, file))));
  }

  write(record: AccountRecord): Promise<void> {
    return writeStateFile(this.#path(record.project), JSON.stringify(record));
  }

  remove(project: string): Promise<void> {
    return removeStateFile(this.#path(project));
  }

  #path(project: string): string {
    return join(this.#folder, `${parse(ProjectName, project, "project")}.json`);
  }

  async #read(path: string): Promise<AccountRecord> {
    try {
      return parse(AccountRecord, JSON.parse((await readIfPresent(path)) ?? "null"), path);
    } catch (cause) {
      throw messagingError("SLIPWAY_MESSAGING_IDENTITY_DAMAGED", `${path} is not the record of an account`, { cause });
    }
  }
}
