import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { decodeFrame, encodeControl } from "#contracts/attach.ts";
import { ContractServer } from "./testing/contract-server.ts";
import { sampleInstance } from "./testing/samples.ts";

const launcher = join(import.meta.dirname, "../slipway");
let server: ContractServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

function start(
  args: string[],
): ReturnType<typeof spawn> & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const env = { ...process.env, SLIPWAY_HOST: `unix://${server!.socketPath}` };
  return spawn(launcher, args, { env, stdio: ["ignore", "pipe", "pipe"] });
}

test("a signal sent to `slipway run` reaches the container, whose exit code comes back", async () => {
  server = await ContractServer.start(
    { "POST /v1/instances": () => ({ status: 201, json: sampleInstance() }) },
    {
      "/v1/instances/0123456789ab/attach": (socket) => {
        socket.on("message", (data: Buffer) => {
          const frame = decodeFrame(data);
          const signal = frame.channel === "control" && frame.control.type === "signal" ? frame.control.signal : "";
          socket.send(encodeControl({ type: "exit", exitCode: signal === "SIGUSR1" ? 42 : 1, oomKilled: false }));
        });
        // Before the process runs a signal of this kind is kept, not lost.
        child.kill("SIGUSR1");
        socket.send(encodeControl({ type: "started", pid: 1 }));
      },
    },
  );
  const child = start(["run", "host", "sleep", "60"]);
  const [exitCode] = (await once(child, "close")) as [number];
  expect(exitCode).toBe(42);
});

test("Ctrl-C ends what follows, with 130 and without a word", async () => {
  server = await ContractServer.start({
    "GET /v1/events": () => {
      setImmediate(() => child.kill("SIGINT"));
      return { lines: [], keepOpen: true };
    },
  });
  const child = start(["events", "-f"]);
  const stderr = text(child.stderr);
  const [exitCode] = (await once(child, "close")) as [number];
  expect({ exitCode, stderr: await stderr }).toEqual({ exitCode: 130, stderr: "" });
});

test("a reader that has had enough ends the command as SIGPIPE would", async () => {
  const lines = Array.from({ length: 20_000 }, (_, cursor) => ({
    cursor,
    event: {
      specversion: "1.0",
      id: "1",
      source: "/",
      type: "t",
      subject: "s",
      time: "t",
      datacontenttype: "application/json",
      data: {},
    },
  }));
  server = await ContractServer.start({ "GET /v1/events": () => ({ lines }) });
  const child = start(["events"]);
  child.stdout.once("data", () => (child.stdout as unknown as { destroy(): void }).destroy());
  const [exitCode] = (await once(child, "close")) as [number];
  expect(exitCode).toBe(141);
});
