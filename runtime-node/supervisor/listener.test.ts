import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { startTimeOf } from "#kernel/pidfd.ts";
import type { ProcessIdentity } from "#kernel/take-fd.ts";
import { openListener, takeListener } from "./listener.ts";

const kernel = new LinuxKernel();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "::");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A process that has the listener as its fd 4, and we no longer. */
async function gatewayWith(listener: number): Promise<ProcessIdentity> {
  const child = spawn("/bin/sh", ["-c", "echo up; read line"], { stdio: ["pipe", "pipe", "inherit", "ignore", listener] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  kernel.call("close", listener);
  return { pid: child.pid!, startTime: startTimeOf(child.pid!)! };
}

test("a listener is copied out of the gateway that has it: who connected meanwhile is not turned away", async () => {
  const port = await freePort();
  const gateway = await gatewayWith(openListener(kernel, port));
  const waiting = connect(port, "127.0.0.1");
  await once(waiting, "connect");
  const taken = takeListener(kernel, gateway, 4, port)!;
  process.kill(gateway.pid, "SIGKILL");
  const server = createServer((socket) => socket.end("served")).listen({ fd: taken });
  onTestFinished(() => void server.close());
  const [answer] = (await once(waiting, "data")) as [Buffer];
  expect(answer.toString()).toBe("served");
});

test("what is no listener, or another port's, or not there, is not taken, and no fd stays open", async () => {
  const port = await freePort();
  const gateway = await gatewayWith(openListener(kernel, port));
  expect(takeListener(kernel, gateway, 4, port + 1)).toBeUndefined();
  expect(takeListener(kernel, gateway, 0, port)).toBeUndefined();
  expect(takeListener(kernel, gateway, 9, port)).toBeUndefined();
  expect(takeListener(kernel, { ...gateway, startTime: 1 }, 4, port)).toBeUndefined();
  process.kill(gateway.pid, "SIGKILL");
  while (startTimeOf(gateway.pid) === gateway.startTime) await new Promise((resolve) => setImmediate(resolve));
  // Nobody listens any more: none of the looks has kept the socket.
  const refused = connect(port, "127.0.0.1");
  expect((await once(refused, "error").catch((error: unknown) => [error]))[0]).toMatchObject({ code: "ECONNREFUSED" });
});
