import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { notifyServiceManager } from "./service-manager.ts";

/** Node has no datagram sockets in the file system; perl has, and prints what it receives. */
const RECEIVER = `
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
my $name = $ARGV[0]; $name =~ s/^@/\\0/;
bind($socket, pack("S a*", AF_UNIX, $ARGV[0] =~ /^@/ ? $name : "$name\\0")) or die $!;
$| = 1; print "bound\\n"; recv($socket, my $message, 4096, 0); print $message;
`;

async function receive(path: string, tell: () => void): Promise<string> {
  const receiver = spawn("perl", ["-e", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  receiver.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = once(receiver, "close");
  await once(receiver.stdout, "data");
  tell();
  await ended;
  return text.replace("bound\n", "");
}

test.each(["a path", "an abstract name"])("readiness is told to the service manager's socket, %s", async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-notify-"));
  try {
    const socket = kind === "a path" ? join(folder, "notify") : `@${folder}/notify`;
    const tell = (): void => notifyServiceManager(new LinuxKernel(), { type: "ready", status: "home /x" }, socket);
    expect(await receive(socket, tell)).toBe("READY=1\nSTATUS=home /x\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("without a service manager nothing is told, and one that is gone is no failure", () => {
  const kernel = new LinuxKernel();
  notifyServiceManager(kernel, { type: "stopping", status: "" }, undefined);
  expect(() => notifyServiceManager(kernel, { type: "stopping", status: "" }, "/run/no-such-socket")).not.toThrow();
});
