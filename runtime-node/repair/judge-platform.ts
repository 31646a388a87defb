import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import type { PlatformState } from "#contracts/repair.ts";
import { isErrno, type Kernel } from "#kernel/kernel.ts";
import type { Traces } from "./find-traces.ts";
import { readRecordedInstance } from "./recorded-instance.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

export interface Judgement {
  state: PlatformState;
  because: string;
}

/** Decides whether anybody may still want what was found. In doubt it lives. Nothing is changed. */
export function judgePlatform({ hash, home, processes }: Traces): Judgement {
  const server = processes.find(({ role }) => role === "server");
  if (server !== undefined) return { state: "live", because: `a server runs on it (pid ${server.pid})` };
  if (isListening(hash)) return { state: "live", because: "a process listens on its supervisor's socket" };
  const containers = new Set(processes.map(({ instanceId }) => instanceId).filter((id) => id !== null));
  if (home === null) {
    if (containers.size === 0) return { state: "gone", because: "nothing of it runs, and nobody knows where its home was" };
    return { state: "unclear", because: `${counted(containers.size)}, and nobody knows where its home is` };
  }
  if (!isHome(home)) return { state: "gone", because: "its home is not there any more, and no server runs on it" };
  if (isLocked(lockFile(home))) return { state: "live", because: "its home's lock is held" };
  const awaited = [...containers].filter((id) => readRecordedInstance(homeLayout(home), id) !== undefined);
  if (awaited.length === 0)
    return { state: "stopped", because: "nobody holds its home's lock, and no container of it runs" };
  return {
    state: "resting",
    because: `${counted(awaited.length)}; the next \`slipway server --home ${home}\` adopts them`,
  };
}

/** A server has run there, and what it kept is still there. */
export const isHome = (home: string): boolean => existsSync(lockFile(home));

/** The lock of a home that nobody holds, as a supervisor takes it (flock(2)); undefined when a server was faster. */
export function lockDeadHome(kernel: Kernel, home: string): Disposable | undefined {
  const fd = openSync(lockFile(home), "r+");
  try {
    kernel.call("flock", fd, LOCK_EX | LOCK_NB);
    return { [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    if (isErrno(error, "EAGAIN")) return undefined;
    throw error;
  }
}

const lockFile = (home: string): string => join(home, "server.lock");

const counted = (containers: number): string =>
  containers === 1 ? "1 container runs on" : `${containers} containers run on`;

/** proc_locks(5). To try the lock would keep a server from starting in that moment. By inode alone: some file systems show another device. */
function isLocked(path: string): boolean {
  const inode = statSync(path).ino;
  const locks = readFileSync("/proc/locks", "utf8").split("\n");
  return locks.some((line) => / FLOCK /.test(line) && line.includes(`:${inode} `));
}

/** proc_net_unix: the flag __SO_ACCEPTCON of a listening socket, and its path. A server whose home was deleted under it is seen so. */
function isListening(hash: string): boolean {
  const path = join("/run/slipway", hash, "supervisor.sock");
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .some((line) => line.endsWith(` ${path}`) && line.split(/\s+/)[3] === "00010000");
}
