import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchContainer, ScratchNode } from "../containers/scratch-node.ts";

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** Starts a shell under an init; resolves when it has made /ready: what it asked for by then is in place. */
async function startReady(script: string): Promise<ScratchContainer> {
  const container = await node.start({ command: ["/bin/sh", "-c", script], init: true });
  await node.exec(container, ["/bin/sh", "-c", "until [ -e /ready ]; do usleep 1000; done"]);
  return container;
}

describe("a container with an init", () => {
  it("has the init as PID 1, under its name, and the command as its child", async () => {
    const { stdout } = await node.sh("cat /proc/1/comm; echo $PPID; [ $$ != 1 ] && echo child", { init: true });
    expect(stdout).toBe("slipway-init\n1\nchild\n");
  });

  it.each([0, 7, 42, 255])("exits with the command's code %i", async (code) => {
    const { status } = await node.sh(`exit ${code}`, { init: true });
    expect(status).toEqual({ code, signal: null });
  });

  it.each([
    ["KILL", 137],
    ["TERM", 143],
    ["SEGV", 139],
  ])("exits as a shell would when the command is killed by SIG%s", async (signal, code) => {
    const { status } = await node.sh(`kill -${signal} $$`, { init: true });
    expect(status.code).toBe(code);
  });

  it("reaps the orphans that would stay zombies for ever", async () => {
    // Each subshell's child outlives it, becomes PID 1's, and ends.
    const script = [
      "for i in 1 2 3 4 5 6 7 8; do (true & true & :) ; done; (usleep 1000 & :)",
      "zombies() { cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '; }",
      "for i in $(seq 500); do [ $(zombies) = 0 ] && break; usleep 2000; done; zombies",
    ].join("\n");
    expect((await node.sh(script, { init: true })).stdout).toBe("0\n");
  });

  it("hands each signal it gets to the command", async () => {
    const signals = { HUP: 1, INT: 2, QUIT: 3, USR1: 10, USR2: 12, WINCH: 28, CONT: 18, RTMIN: 34 };
    const traps = Object.values(signals).map((number) => `trap 'echo ${number} >> /got' ${number}`);
    await using container = await startReady([...traps, ": > /ready", "while :; do sleep 60 & wait $!; done"].join("\n"));
    const seen = Object.values(signals);
    for (const [index, number] of seen.entries()) {
      node.children.signal(container.id, number);
      const arrived = `until [ "$(cat /got 2>/dev/null | wc -l)" = ${index + 1} ]; do usleep 1000; done; cat /got`;
      const { stdout } = await node.exec(container, ["/bin/sh", "-c", arrived]);
      expect(stdout.trim().split("\n").map(Number)).toEqual(seen.slice(0, index + 1));
    }
  });

  it("ends by a signal that its command does not handle, which PID 1 alone would never get", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"], init: true });
    node.children.signal(container.id, 15);
    expect(await container.exit).toEqual({ code: 143, signal: null });
  });

  it("loses no signal that comes right after the start", async () => {
    for (let round = 0; round < 20; round++) {
      await using container = await node.start({ command: ["/bin/sleep", "60"], init: true });
      node.children.signal(container.id, 15);
      expect((await container.exit).code).toBe(143);
    }
  });

  it("ends with the command, whatever else still runs", async () => {
    const { status } = await node.sh("sleep 60 & exit 5", { init: true });
    expect(status.code).toBe(5);
  });

  it("gives the command a process group of its own, so that its `kill 0` does not come back by the init", async () => {
    const { stdout } = await node.sh("cut -d' ' -f5 /proc/1/stat /proc/$$/stat; echo $$", { init: true });
    const [init, command, pid] = stdout.trim().split("\n");
    expect(init).toBe("1");
    expect(command).toBe(pid);
  });

  it("starts the command with no signal blocked or ignored", async () => {
    const { stdout } = await node.run({
      command: ["/bin/grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status"],
      init: true,
    });
    expect(stdout).toMatch(/SigBlk:\s*0{16}\nSigIgn:\s*0{16}\nSigCgt:\s*0{16}\n/);
  });

  it("has no fd open but the three streams, in the init and in the command", async () => {
    const { stdout } = await node.sh("ls /proc/1/fd; ls /proc/$$/fd; true", { init: true });
    expect(stdout.trim().split("\n")).toEqual(["0", "1", "2", "0", "1", "2"]);
  });

  it("finds the command along PATH, past a directory without it and a file that is no program", async () => {
    const candidates = (directories: string[]) => directories.map((directory) => `${directory}/sh`);
    const { stdout, status } = await node.run({
      command: ["sh", "-c", "echo $0 found"],
      init: true,
      alter: (plan) => ({
        ...plan,
        child: plan.child.map((step) => {
          if (step.call !== "execveat") return step;
          const strings = ["slipway-init", ...candidates(["/nope", "/etc/passwd"]), "/etc/group", "/bin/sh", "", "sh"];
          return { ...step, args: step.args.with(2, { strings: [...strings, "-c", "echo $0 found"] }) };
        }),
      }),
    });
    expect({ stdout, code: status.code }).toEqual({ stdout: "sh found\n", code: 0 });
  });

  it("exits with 127 when the command is not there, and says so", async () => {
    const { status, stderr } = await node.run({ command: ["/bin/nope"], init: true });
    expect({ code: status.code, stderr }).toEqual({ code: 127, stderr: 'slipway: "/bin/nope" is not in the container\n' });
  });

  it("exits with 126 when the command cannot be executed, and says so", async () => {
    const { status, stderr } = await node.run({ command: ["/etc/passwd"], init: true });
    expect({ code: status.code, stderr }).toEqual({ code: 126, stderr: 'slipway: "/etc/passwd" cannot be executed\n' });
  });

  it("exits with 125 when it may not start a process", async () => {
    const { status } = await node.run({ command: ["/bin/true"], init: true, limits: { pids: 1 } });
    expect(status.code).toBe(125);
  });

  it("runs as the container's user, filtered and without privileges to gain", async () => {
    await using container = await node.start({
      command: ["/bin/sleep", "60"],
      init: true,
      user: { uid: 1000, gid: 1000 },
    });
    const status = readFileSync(`/proc/${container.pid}/status`, "utf8");
    expect(status).toMatch(new RegExp(`Uid:\\s*${container.idBase + 1000}\\s`));
    expect(status).toMatch(/Seccomp:\s*2/);
    expect(status).toMatch(/NoNewPrivs:\s*1/);
    expect(status).toMatch(/CapEff:\s*0{16}/);
  });

  it("cannot be changed through its own file by the container's root", async () => {
    const { stdout } = await node.sh("(printf x >> /proc/1/exe) 2>/dev/null && echo written; true", { init: true });
    expect(stdout).toBe("");
  });
});

const SETTING = "/proc/sys/vm/memfd_noexec";

describe.skipIf(!existsSync(SETTING))("a machine that restricts the execution of memfds", () => {
  const scratch = JSON.stringify(join(import.meta.dirname, "../containers/scratch-node.ts"));

  /** The setting is a pid namespace's own, and can only be raised: a process in a new one tries it. */
  it.each([
    [1, "memfd"],
    [2, "file"],
  ])("runs a container with an init at vm.memfd_noexec = %i, from a %s", (level, from) => {
    const script = `
      import { writeFileSync } from "node:fs";
      writeFileSync("${SETTING}", "${level}");
      const { ScratchNode } = await import(${scratch});
      await using node = new ScratchNode();
      await using container = await node.start({ command: ["/bin/sh", "-c", "cat /proc/1/comm; exit 7"], init: true });
      console.log(container.launch.init.from, (await container.exit).code, (await container.stdout).trim());
    `;
    const inNamespace = ["--pid", "--fork", "--mount-proc", process.execPath, "--input-type=module", "-e", script];
    expect(execFileSync("unshare", inNamespace, { encoding: "utf8" })).toBe(`${from} 7 slipway-init\n`);
  });
});
