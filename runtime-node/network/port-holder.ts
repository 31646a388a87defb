import { readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import type { HostPort } from "./port-reservation.ts";

export interface PortHolder {
  /** Undefined when no process of this pid namespace has the socket. */
  pid: number | undefined;
  command: string | undefined;
}

const COLUMN = { localAddress: 1, inode: 9 } as const;

/**
 * Who holds a port: a bound or listening socket's process, found through proc_pid_net(5) and the links in /proc/<pid>/fd.
 * Undefined when nothing but remains of ended connections does, or a bound TCP socket that does not listen: those tables leave
 * it out.
 */
export async function findPortHolder({ hostPort, protocol }: HostPort): Promise<PortHolder | undefined> {
  const inodes = [protocol, `${protocol}6`].flatMap((table) => socketInodes(table, hostPort));
  if (inodes.length === 0) return undefined;
  const pid = await findProcessWith(new Set(inodes.map((inode) => `socket:[${inode}]`)));
  if (pid === undefined) return { pid: undefined, command: undefined };
  const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return { pid, command: command.trim() };
}

/** Of this thread's network namespace, so synchronous. Inode 0 is a connection in TIME_WAIT, which no process holds. */
function socketInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readTable(table)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[COLUMN.localAddress]?.endsWith(suffix) && columns[COLUMN.inode] !== "0")
    .map((columns) => columns[COLUMN.inode] as string);
}

function readTable(table: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${table}`, "utf8");
  } catch (error) {
    // No IPv6 in this kernel.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

async function findProcessWith(links: ReadonlySet<string>): Promise<number | undefined> {
  for (const pid of await readdir("/proc")) {
    if (/^\d+$/.test(pid) && (await holdsAny(pid, links))) return Number(pid);
  }
  return undefined;
}

async function holdsAny(pid: string, links: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const fds = await readdir(folder).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`${folder}/${fd}`).catch(() => "")));
  return targets.some((target) => links.has(target));
}
