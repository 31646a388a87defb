import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { isZombie } from "#kernel/pidfd.ts";
import { findLeftovers, PROCESS_MARK } from "./leftovers.ts";
import { ProcessRecords } from "./process-records.ts";
import { adoptProcess, endProcess } from "./running-process.ts";

const kernel = new LinuxKernel();
let hash: string;
beforeEach(() => {
  hash = randomBytes(4).toString("hex");
});

/** A process that says when it runs, and ignores SIGTERM when it is stubborn. */
async function startProcess(mark: string | undefined, { stubborn = false } = {}): Promise<ChildProcess & { pid: number }> {
  const line = `${stubborn ? "trap '' TERM; " : ""}echo up; while :; do sleep 0.05; done`;
  const env = mark === undefined ? {} : { [PROCESS_MARK]: mark };
  const child = spawn("/bin/sh", ["-c", line], { env: { PATH: "/usr/bin:/bin", ...env }, detached: true });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child as ChildProcess & { pid: number };
}

function records(): ProcessRecords {
  const folder = mkdtempSync(join(tmpdir(), "slipway-records-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return new ProcessRecords(join(folder, "processes.json"));
}

const found = (known: ProcessRecords): [string, number][] =>
  findLeftovers(kernel, hash, known).map(({ name, pid }) => [name, pid]);

test("a process with the home's mark is found, newest first, and no other home's", async () => {
  const older = await startProcess(`${hash}/gateway`);
  // Start times are counted in hundredths of a second.
  const newer = await laterThan(older.pid, () => startProcess(`${hash}/gateway`));
  await startProcess("deadbeef/gateway");
  await startProcess(undefined);
  const pids = found(records()).map(([, pid]) => pid);
  // A shell's sleep has its environment.
  expect(pids.filter((pid) => pid === older.pid || pid === newer.pid)).toEqual([newer.pid, older.pid]);
  expect(new Set(found(records()).map(([name]) => name))).toEqual(new Set(["gateway"]));
});

test("one on record is found without a mark, and not when another has its pid, or it has ended", async () => {
  const child = await startProcess(undefined);
  const known = records();
  known.record({ name: "control", version: "1" }, child.pid);
  expect(found(known)).toEqual([["control", child.pid]]);
  expect(known.find("control")).toMatchObject({ version: "1" });
  const other = records();
  other.record({ name: "control", version: "1" }, child.pid);
  Object.assign(other.find("control")!, { startTime: 1 });
  expect(found(other)).toEqual([]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(found(known)).toEqual([]);
});

test("one that has ended, and whose parent does not reap it, is none", async () => {
  const parent = spawn("/bin/sh", ["-c", "sleep 1000 & echo $!; exec sleep 1000"]);
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line);
  const known = records();
  known.record({ name: "control", version: "1" }, pid);
  expect(found(known)).toEqual([["control", pid]]);
  process.kill(pid, "SIGKILL");
  while (!isZombie(pid)) await new Promise((resolve) => setImmediate(resolve));
  expect(found(known)).toEqual([]);
});

test("an adopted process ends at SIGTERM, or at SIGKILL when it does not, and says how", async () => {
  for (const [stubborn, how] of [
    [false, "signal 15"],
    [true, "signal 9"],
  ] as const) {
    const child = await startProcess(undefined, { stubborn });
    const exited = once(child, "exit");
    const adopted = adoptProcess(kernel, child.pid, startTimeFrom(child.pid))!;
    await endProcess(adopted, 200);
    await exited;
    // Node reaps its own children: whether the kernel tells others how they ended depends on its version.
    expect([how, "an unknown code"]).toContain(await adopted.ended);
  }
});

test("a process is adopted only with its start time", async () => {
  const child = await startProcess(undefined);
  expect(adoptProcess(kernel, child.pid, startTimeFrom(child.pid) + 1)).toBeUndefined();
  child.kill("SIGKILL");
});

const startTimeFrom = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19]);

/** Starts a process at a time that can be told from another's start. */
async function laterThan<Process extends { pid: number }>(pid: number, startOne: () => Promise<Process>): Promise<Process> {
  for (;;) {
    const one = await startOne();
    if (startTimeFrom(one.pid) > startTimeFrom(pid)) return one;
    process.kill(one.pid, "SIGKILL");
  }
}
