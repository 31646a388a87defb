import { containerError } from "./errors.ts";

/** Who a process runs as, in the container's ids. */
export interface ResolvedUser {
  uid: number;
  gid: number;
  groups: number[];
  home: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}
interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

/**
 * `user[:group]` as docker takes it: names from the image's /etc/passwd and /etc/group (passwd(5), group(5)), or numbers. An
 * unknown number is fine: its group is 0 and its home `/`.
 */
export function resolveUser(wanted: string | undefined, files: { passwd: string; group: string }): ResolvedUser {
  const [userPart = "", groupPart] = (wanted ?? "").split(":");
  const users = parsePasswd(files.passwd);
  const groups = parseGroup(files.group);
  const user = findUser(userPart === "" ? "0" : userPart, users);
  const gid = groupPart === undefined || groupPart === "" ? user.gid : findGroup(groupPart, groups);
  const supplementary = groups.filter(({ members }) => members.includes(user.name)).map((group) => group.gid);
  return { uid: user.uid, gid, groups: groupPart === undefined ? [...new Set(supplementary)] : [], home: user.home };
}

function findUser(wanted: string, users: readonly PasswdEntry[]): PasswdEntry {
  const byName = users.find(({ name }) => name === wanted);
  if (byName !== undefined) return byName;
  if (!/^\d+$/.test(wanted)) {
    const known = users.map(({ name }) => name).join(", ") || "no users";
    throw containerError("SLIPWAY_CONTAINER_USER_UNKNOWN", `the image has no user "${wanted}"; it has ${known}`);
  }
  const uid = Number(wanted);
  return users.find((user) => user.uid === uid) ?? { name: "", uid, gid: 0, home: "/" };
}

function findGroup(wanted: string, groups: readonly GroupEntry[]): number {
  const byName = groups.find(({ name }) => name === wanted);
  if (byName !== undefined) return byName.gid;
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const known = groups.map(({ name }) => name).join(", ") || "no groups";
  throw containerError("SLIPWAY_CONTAINER_USER_UNKNOWN", `the image has no group "${wanted}"; it has ${known}`);
}

const records = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));

function parsePasswd(text: string): PasswdEntry[] {
  return records(text)
    .filter((fields) => fields.length >= 6)
    .map(([name = "", , uid = "", gid = "", , home = ""]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home: home || "/",
    }));
}

function parseGroup(text: string): GroupEntry[] {
  return records(text)
    .filter((fields) => fields.length >= 3)
    .map(([name = "", , gid = "", members = ""]) => ({
      name,
      gid: Number(gid),
      members: members.split(",").filter(Boolean),
    }));
}
