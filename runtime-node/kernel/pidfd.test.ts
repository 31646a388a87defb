import { execFileSync } from "node:child_process";
import { release } from "node:os";
import { expect, test } from "vitest";
import { LinuxKernel } from "./linux-kernel.ts";
import { reap } from "./pidfd.ts";

const kernel = new LinuxKernel();
const [major = 0, minor = 0] = release().split(".").map(Number);
const tellsStrangers = major > 6 || (major === 6 && minor >= 15);

/** Its parent ends at once, so that it is init's child and not ours. */
function startStranger(line: string): number {
  const started = `(${line}) >/dev/null 2>&1 & echo $!`;
  return Number(execFileSync("sh", ["-c", started], { encoding: "utf8" }));
}

test.each([
  ["an exit code", "sleep 0.2; exit 42", { code: 42, signal: null }],
  ["a signal", "sleep 0.2; exec sh -c 'kill -9 $$'", { code: 137, signal: 9 }],
])("%s of a process that is not ours is told where the kernel can", async (_what, line, expected) => {
  const pid = startStranger(line);
  const pidfd = kernel.call("pidfd_open", pid, 0);
  try {
    expect(await reap(kernel, pidfd)).toEqual(tellsStrangers ? expected : { code: null, signal: null });
  } finally {
    kernel.call("close", pidfd);
  }
});
