import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { type ChildPlan, WAIT_FOR_RELEASE } from "#kernel/plan/child-plan.ts";
import { Children } from "../launch/children.ts";
import type { ChildReport } from "../launch/protocol.ts";
import { ChildServer } from "./child-server.ts";
import { ChildTable } from "./child-table.ts";
import { FdStore } from "./fd-store.ts";

const kernel = new LinuxKernel();
const PATIENT = AbortSignal.timeout(60_000);
const AWAY = { code: "SLIPWAY_LAUNCH_SUPERVISOR_AWAY" };
let folder: string;
let table: ChildTable;
let server: ChildServer | undefined;
let children: Children;

const program = (...argv: string[]): ChildPlan => ({
  prepare: [],
  namespaces: [],
  parked: [],
  child: [...WAIT_FOR_RELEASE, { name: "exec", call: "execve", args: [argv[0] ?? "", { strings: argv }, { strings: [] }] }],
  cleanup: [],
});
const SLEEP = program("/bin/sleep", "1000");

const socket = (): string => join(folder, "supervisor.sock");
const childrenFile = (): string => join(folder, "children.json");

const listen = async (): Promise<void> => {
  server = await ChildServer.listen(socket(), table, new FdStore(kernel));
};

/** As a supervisor that becomes another program does; resolves when the agent has noticed. */
async function goAway(): Promise<void> {
  await server?.[Symbol.asyncDispose]();
  while (children.isReady) await new Promise((resolve) => setImmediate(resolve));
}

async function start(child: string, plan = SLEEP): Promise<void> {
  await children.launch(child, plan, PATIENT);
  expect(await children.release(child)).toMatchObject({ type: "running" });
}

const connect = (supervisorPid = process.ppid): Promise<Children> =>
  Children.connect({ kernel, path: socket(), supervisorPid, stopContainers: () => {} });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-children-"));
  table = new ChildTable(kernel, childrenFile());
  await listen();
  children = await connect();
});

afterEach(async () => {
  await children[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  for (const { child, state } of table.reports()) if (state.type === "running") table.signal(child, 9);
  await table.untilNoneRuns();
  table[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

describe("while the supervisor is away", () => {
  test("a child is signalled, and its end is known when it is back at the latest", async () => {
    await start("a");
    const exit = children.exitOf("a");
    await goAway();
    await children.signal("a", 9);
    await table.untilNoneRuns();
    await listen();
    expect((await exit)?.status).toEqual({ code: 137, signal: 9 });
    await children.forget("a");
    await children.ready(PATIENT);
    expect(table.reports()).toEqual([]);
  });

  test("a launch waits for it, and for no longer than it may", async () => {
    await goAway();
    await expect(children.launch("a", SLEEP, AbortSignal.timeout(20))).rejects.toMatchObject(AWAY);
    const launched = children.launch("a", SLEEP, PATIENT);
    await listen();
    expect(await launched).toMatchObject({ type: "parked" });
    await children.abort("a");
  });

  test("what waits for its release is ended, and may be launched again under its name", async () => {
    await children.launch("a", SLEEP, PATIENT);
    await goAway();
    expect(table.reports()).toEqual([]);
    await expect(children.release("a")).rejects.toMatchObject(AWAY);
    await listen();
    await start("a");
    expect(table.reports()).toMatchObject([{ child: "a", state: { type: "running" } }]);
  });

  test("what fails between launch and release failed for that reason, back or not", async () => {
    await children.launch("a", SLEEP, PATIENT);
    await children.requireParked("a");
    const closed = server?.[Symbol.asyncDispose]();
    await expect(children.requireParked("a")).rejects.toMatchObject(AWAY);
    await closed;
    await listen();
    await children.ready(PATIENT);
    await expect(children.requireParked("a")).rejects.toMatchObject(AWAY);
    await expect(children.release("a")).rejects.toMatchObject(AWAY);
  });

  test("an end need not be forgotten twice: the supervisor is told when it is back", async () => {
    await start("a", program("/bin/true"));
    await children.exitOf("a");
    await goAway();
    await children.forget("a");
    expect(table.reports()).toMatchObject([{ child: "a", state: { type: "exited" } }]);
    await listen();
    await children.ready(PATIENT);
    expect(table.reports()).toEqual([]);
  });
});

test("a supervisor that comes back with a process that nobody awaits has it ended before anything is launched", async () => {
  await goAway();
  await table.launch("stray", SLEEP);
  await table.release("stray");
  await listen();
  await children.ready(PATIENT);
  expect(table.reports()).toEqual([]);
});

test("only the supervisor that started an agent is talked to: a stale agent finds none", async () => {
  await expect(connect(1_000_000)).rejects.toMatchObject(AWAY);
});

test("an agent takes over what its predecessor left, and sees how it ends", async () => {
  await start("a");
  await children[Symbol.asyncDispose]();
  children = await connect();
  await children.signal("a", 9);
  expect((await children.exitOf("a"))?.status).toEqual({ code: 137, signal: 9 });
});

describe("the record of children", () => {
  const recorded = (): ChildReport[] => JSON.parse(readFileSync(childrenFile(), "utf8")) as ChildReport[];

  test("has a child from before it can become its program: a supervisor killed in between leaves nothing unknown", async () => {
    const { pid } = (await table.launch("a", SLEEP)) as { pid: number };
    const released = table.release("a");
    expect(recorded()).toMatchObject([{ child: "a", state: { type: "running", pid } }]);
    await released;
    expect(recorded()).toMatchObject([{ child: "a", state: { type: "running", pid } }]);
  });

  test("has none whose program could not be executed", async () => {
    await table.launch("a", program("/nowhere/at/all"));
    expect(await table.release("a")).toMatchObject({ type: "failed" });
    expect(recorded()).toEqual([]);
  });

  test("lets this process, become another program, take its children over with their exit codes", async () => {
    await start("a", program("/bin/sh", "-c", "exit 42"));
    await table.untilNoneRuns();
    await start("b");
    await goAway();
    const next = new ChildTable(kernel, childrenFile());
    next.adopt();
    const exited = Promise.withResolvers<ChildReport>();
    next.onExit((report) => exited.resolve(report));
    expect(next.reports()).toMatchObject([
      { child: "a", state: { type: "exited", status: { code: 42 } } },
      { child: "b", state: { type: "running" } },
    ]);
    next.signal("b", 9);
    // Both tables wait for it here, and one of them reaps it.
    expect(await exited.promise).toMatchObject({ child: "b", state: { type: "exited" } });
    next[Symbol.dispose]();
  });
});

describe("an agent that dies with launches in hand", () => {
  test("leaves none behind, and the next one is served at once, though more were begun than there are threads to clone them", async () => {
    const begun = Array.from({ length: 24 }, (_, index) => children.launch(`many-${index}`, SLEEP, PATIENT));
    for (const launch of begun) launch.catch(() => {});
    // As many as can: the others wait for a thread that only the end of one of these frees.
    await Promise.race(begun);
    await children[Symbol.asyncDispose]();
    children = await connect();
    expect(await children.list()).toEqual([]);
    await start("next");
  });
});
