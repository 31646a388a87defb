import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { LinuxKernel } from "./linux-kernel.ts";
import { RecordingKernel } from "./recording-kernel.ts";
import { replaceProcess } from "./replace-process.ts";

const MODULE = join(import.meta.dirname, "replace-process.ts");
const KERNEL = join(import.meta.dirname, "linux-kernel.ts");

const run = (script: string): ReturnType<typeof spawn> =>
  spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });

test("a process becomes another program with its pid, and keeps the fds that it hands down and no other", async () => {
  const child = run(`
    import { openSync } from "node:fs";
    const { replaceProcess } = await import(${JSON.stringify(MODULE)});
    const { LinuxKernel } = await import(${JSON.stringify(KERNEL)});
    const [kept, lost] = [openSync("/dev/null"), openSync("/dev/zero")];
    replaceProcess(new LinuxKernel(), {
      path: "/bin/sh",
      argv: ["sh", "-c", 'echo $$ "$WORD"; readlink /proc/$$/fd/$0; readlink /proc/$$/fd/$1 || echo closed', String(kept), String(lost)],
      env: { WORD: "two words", PATH: process.env.PATH, NOT: undefined },
      inherit: [kept],
    });
  `);
  const output = await text(child.stdout!);
  expect(output).toBe(`${child.pid} two words\n/dev/null\nclosed\n`);
});

test("children of before stay its children, and their exit codes are its own to take", async () => {
  const child = run(`
    import { spawn } from "node:child_process";
    const { replaceProcess } = await import(${JSON.stringify(MODULE)});
    const { LinuxKernel } = await import(${JSON.stringify(KERNEL)});
    const started = spawn("sh", ["-c", "exit 42"], { stdio: "ignore" });
    replaceProcess(new LinuxKernel(), {
      path: "/usr/bin/perl",
      argv: ["perl", "-e", 'waitpid($ARGV[0], 0); print $? >> 8', String(started.pid)],
      env: {},
      inherit: [],
    });
  `);
  expect(await text(child.stdout!)).toBe("42");
});

test("a program that cannot be executed leaves the process as it was, with the errno", async () => {
  const kernel = new LinuxKernel();
  const image = { path: "/nowhere/at/all", argv: ["x"], env: {}, inherit: [] };
  expect(() => replaceProcess(kernel, image)).toThrow(expect.objectContaining({ errno: "ENOENT" }));
  expect(execFileSync("echo", ["still here"], { encoding: "utf8" })).toBe("still here\n");
  const child = spawn("true");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("fds are closed in other programs again when the kernel refuses", () => {
  const kernel = new RecordingKernel().answer("fcntl", 1, 0, 0, 1, 0).answer("execve", "E2BIG");
  const image = { path: "/bin/true", argv: ["true"], env: {}, inherit: [] };
  expect(() => replaceProcess(kernel, image)).toThrow("E2BIG");
  const [, cleared] = kernel.callsOf("fcntl");
  expect(cleared?.slice(0, 3)).toEqual([0, 2, 0]);
  expect(kernel.callsOf("fcntl").at(-1)?.slice(0, 3)).toEqual([0, 2, 1]);
  expect(readFileSync("/proc/self/comm", "utf8")).not.toBe("");
});
