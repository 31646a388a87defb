import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { parse } from "#contracts/parse.ts";

const HUB_KEY = "index.docker.io";

const AuthEntry = Type.Object({
  /** base64 of user:password */
  auth: Type.Optional(Type.String()),
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  /** An OAuth 2 refresh token instead of a password. */
  identitytoken: Type.Optional(Type.String()),
});
const DockerConfig = Type.Object({ auths: Type.Optional(Type.Record(Type.String(), AuthEntry)) });

export type RegistryCredentials = { username: string; password: string } | { refreshToken: string };

/** `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigPath(): string {
  return join(process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "config.json");
}

/** What `docker login` stored in the file for a registry; undefined when there is no file or no entry. */
export async function readCredentials(configPath: string, registry: string): Promise<RegistryCredentials | undefined> {
  const text = await readFile(configPath, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { auths = {} } = parse(DockerConfig, JSON.parse(text), configPath);
  const wanted = registry === "docker.io" ? HUB_KEY : registry;
  const entry = Object.entries(auths).find(([key]) => hostOf(key) === wanted)?.[1];
  return entry === undefined ? undefined : toCredentials(entry);
}

/** Keys are hosts, or addresses as old versions wrote them: `https://index.docker.io/v1/`. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

function toCredentials(entry: Static<typeof AuthEntry>): RegistryCredentials | undefined {
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") return { refreshToken: entry.identitytoken };
  const [user = "", ...rest] = Buffer.from(entry.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  const username = entry.username ?? user;
  return username === "" ? undefined : { username, password: entry.password ?? rest.join(":") };
}
