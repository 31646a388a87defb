import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { startTimeOf } from "#kernel/pidfd.ts";
import { ownIdentity, type ProcessIdentity } from "#kernel/take-fd.ts";
import { KeptFds } from "../launch/kept-fds.ts";
import { FdStore } from "./fd-store.ts";

const kernel = new LinuxKernel();
const F_GETFD = 1;
const FD_CLOEXEC = 1;
let file: string;
let store: FdStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-fds-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  file = join(folder, "file");
  writeFileSync(file, "content");
  store = new FdStore(kernel);
  onTestFinished(() => store[Symbol.dispose]());
});

/** A process that has the file open as fd 5. */
async function owner(): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn("/bin/sh", ["-c", `exec 5<${file}; echo open; read line`], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const pid = child.pid!;
  return { child, identity: { pid, startTime: startTimeOf(pid)! } };
}

function content(fd: number): string {
  const bytes = Buffer.alloc(64);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, 64, 0));
}

test("an fd outlives the process that had it kept, and is not handed down to others", async () => {
  const { child, identity } = await owner();
  store.keep("log/one", identity, 5);
  child.kill("SIGKILL");
  await once(child, "exit");
  const [[name, fd] = ["", -1]] = store.entries();
  expect([name, content(fd)]).toEqual(["log/one", "content"]);
  expect(kernel.call("fcntl", fd, F_GETFD)).toBe(FD_CLOEXEC);
});

test("a name is kept once, dropping it closes it, and disposal closes all", async () => {
  const { identity } = await owner();
  const before = readdirSync("/proc/self/fd").length;
  store.keep("a", identity, 5);
  store.keep("a", identity, 5);
  store.keep("b", identity, 5);
  expect(readdirSync("/proc/self/fd")).toHaveLength(before + 2);
  store.drop("b");
  store.drop("b");
  expect(store.entries().map(([name]) => name)).toEqual(["a"]);
  store[Symbol.dispose]();
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});

test("nothing is taken from another process that has the owner's pid, nor what the owner has not", async () => {
  const { identity } = await owner();
  expect(() => store.keep("a", { ...identity, startTime: identity.startTime - 1 }, 5)).toThrow("ESRCH");
  expect(() => store.keep("a", identity, 99)).toThrow("EBADF");
  expect(store.entries()).toEqual([]);
});

test("a process that is not dumpable, as the supervisor, gives its fds to one with CAP_SYS_PTRACE", async () => {
  const program = `
    import { LinuxKernel } from ${JSON.stringify(join(import.meta.dirname, "../kernel/linux-kernel.ts"))};
    import { openSync, writeSync } from "node:fs";
    new LinuxKernel().call("prctl", 4, 0, 0, 0, 0);
    writeSync(1, String(openSync(${JSON.stringify(file)})));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [fd] = (await once(child.stdout, "data")) as [Buffer];
  store.keep("a", { pid: child.pid!, startTime: startTimeOf(child.pid!)! }, Number(fd));
  expect(content(store.entries()[0]![1])).toBe("content");
});

test("the next agent takes what it has use for, and drops the rest", async () => {
  const { identity } = await owner();
  store.keep("a", identity, 5);
  store.keep("b", identity, 5);
  const kept = await KeptFds.open(kernel, {
    keepFd: async (...wanted) => store.keep(...wanted),
    dropFd: async (name) => store.drop(name),
    listFds: async () => ({ owner: ownIdentity(), fds: store.entries().map(([name, fd]) => ({ name, fd })) }),
  });
  const taken = kept.take("a")!;
  onTestFinished(() => closeSync(taken));
  expect(content(taken)).toBe("content");
  expect(kept.take("c")).toBeUndefined();
  await kept.dropUnclaimed();
  expect(store.entries().map(([name]) => name)).toEqual(["a"]);
  const mine = openSync(file, "r");
  await kept.keep("c", mine);
  closeSync(mine);
  expect(content(store.entries()[1]![1])).toBe("content");
});
