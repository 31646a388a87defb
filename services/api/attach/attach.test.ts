import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { RunRequest } from "#contracts/api.ts";
import { ATTACH_CHANNEL, type AttachControl, decodeFrame, encodeControl, encodeFrame } from "#contracts/attach.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { NodeOpening } from "#contracts/node-operations.ts";
import { service } from "#services/state/testing/specs.ts";
import { refusal } from "../testing/refusal.ts";
import { waitForState } from "../state-wait.ts";
import { type ServedApi, serveApi } from "../testing/served-api.ts";

let served: ServedApi;
beforeAll(async () => {
  served = await serveApi();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

const EXIT: AttachControl = { type: "exit", exitCode: 7, oomKilled: false };

async function run(changes: Partial<RunRequest> = {}): Promise<ObservedInstance> {
  const request = { spec: service("job"), interactive: true, attach: true, removeOnExit: false, ...changes };
  return served.client.post<ObservedInstance>("/instances", request);
}

function open(path: string, headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws+unix:${served.api.socketPath}:/v1${path}`, { headers });
  socket.on("error", () => undefined);
  return socket;
}

/** Every frame until the other side closes. */
async function readAll(socket: WebSocket): Promise<{ frames: ReturnType<typeof decodeFrame>[]; code: number }> {
  const frames: ReturnType<typeof decodeFrame>[] = [];
  socket.on("message", (data: Buffer) => frames.push(decodeFrame(data)));
  const [code] = (await once(socket, "close")) as [number];
  return { frames, code };
}

const stdout = (text: string): Uint8Array => encodeFrame(ATTACH_CHANNEL.stdout, Buffer.from(text));

describe("attach", () => {
  it("carries frames unchanged both ways, and the exit last", async () => {
    await using _attach = await served.answerStreams("attach", async (_opening, stream) => {
      await stream.send(encodeControl({ type: "started", pid: 42 }));
      for await (const frame of stream.incoming) {
        const decoded = decodeFrame(frame);
        if (decoded.channel === "stdin") await stream.send(encodeFrame(ATTACH_CHANNEL.stdout, decoded.payload));
        else break;
      }
      await stream.send(encodeControl(EXIT));
      await stream.end();
    });
    const { instanceId } = await run();
    const socket = open(`/instances/${instanceId}/attach`);
    const reading = readAll(socket);
    await once(socket, "open");
    socket.send(encodeFrame(ATTACH_CHANNEL.stdin, Buffer.from("echo ü\0")));
    socket.send(encodeControl({ type: "stdin-end" }));
    const { frames, code } = await reading;
    expect(code).toBe(1000);
    expect(frames).toEqual([
      { channel: "control", control: { type: "started", pid: 42 } },
      { channel: "stdout", payload: Buffer.from("echo ü\0") },
      { channel: "control", control: EXIT },
    ]);
  });

  it.each([true, false])(
    "of an instance with --rm=%s tells the exit when it is (not) gone from its node",
    async (removed) => {
      await using _attach = await served.answerStreams("attach", async (_opening, stream) => {
        await stream.send(encodeControl(EXIT));
        await stream.end();
      });
      const { instanceId } = await run({ removeOnExit: removed });
      const known = (): boolean => served.state.observed.entries().some(({ value }) => value.instanceId === instanceId);
      await waitForState(served.state, known, 5_000, AbortSignal.timeout(5_000));
      const socket = open(`/instances/${instanceId}/attach`);
      await once(socket, "message");
      expect(known()).toBe(!removed);
      expect(served.state.assignments.entries().some(({ value }) => value.instanceId === instanceId)).toBe(!removed);
      socket.terminate();
    },
  );

  it("ends the node's stream when the client goes away, and keeps the instance", async () => {
    const gone = Promise.withResolvers<void>();
    await using _attach = await served.answerStreams("attach", async (_opening, stream) => {
      await stream.send(stdout("here"));
      stream.signal.addEventListener("abort", () => gone.resolve());
      for await (const _frame of stream.incoming);
    });
    const { instanceId } = await run({ removeOnExit: true });
    const socket = open(`/instances/${instanceId}/attach`);
    await once(socket, "message");
    socket.terminate();
    await gone.promise;
    expect(served.state.assignments.entries().some(({ value }) => value.instanceId === instanceId)).toBe(true);
  });

  it("does not read the container's output faster than the client takes it", async () => {
    let sent = 0;
    const stalled = Promise.withResolvers<void>();
    const chunk = stdout("x".repeat(60_000));
    await using _attach = await served.answerStreams("attach", async (_opening, stream) => {
      for (; sent < 2_000; sent++) {
        const waiting = setTimeout(() => stalled.resolve(), 300);
        await stream.send(chunk);
        clearTimeout(waiting);
      }
    });
    const { instanceId } = await run();
    const socket = open(`/instances/${instanceId}/attach`);
    await once(socket, "open");
    socket.pause();
    await stalled.promise;
    expect(sent).toBeLessThan(1_000);
    socket.terminate();
  });

  it("tells in an error frame why it cannot be", async () => {
    const { instanceId } = await run();
    for (const [path, code] of [
      [`/instances/${instanceId}/attach`, "SLIPWAY_MESSAGING_NO_RESPONDER"],
      ["/instances/nobody/attach", "SLIPWAY_API_INSTANCE_UNKNOWN"],
    ] as const) {
      const { frames } = await readAll(open(path));
      expect(frames).toMatchObject([{ channel: "control", control: { type: "error", problem: { code } } }]);
    }
  });

  it("tells a node's error after what came before it", async () => {
    await using _attach = await served.answerStreams("attach", async (_opening, stream) => {
      await stream.send(stdout("so far"));
      throw refusal("SLIPWAY_TESTING_IN_USE", "somebody else is attached");
    });
    const { instanceId } = await run();
    const { frames, code } = await readAll(open(`/instances/${instanceId}/attach`));
    expect(code).toBe(1011);
    expect(frames).toMatchObject([
      { channel: "stdout" },
      { channel: "control", control: { type: "error", problem: { code: "SLIPWAY_TESTING_IN_USE", status: 409 } } },
    ]);
  });

  it("tells in an error frame that the API closes, which does not wait for a stream that nobody ends", async () => {
    await using closing = new AsyncDisposableStack();
    const other = closing.use(await serveApi());
    closing.use(
      await other.answerStreams("attach", async (_opening, stream) => {
        await stream.send(stdout("here"));
        for await (const _frame of stream.incoming);
      }),
    );
    const body = { spec: service("job"), interactive: true, attach: true, removeOnExit: false };
    const { instanceId } = await other.client.post<ObservedInstance>("/instances", body);
    const socket = new WebSocket(`ws+unix:${other.api.socketPath}:/v1/instances/${instanceId}/attach`);
    const reading = readAll(socket);
    await once(socket, "message");
    await other.api[Symbol.asyncDispose]();
    expect((await reading).frames).toMatchObject([
      { channel: "stdout" },
      { channel: "control", control: { type: "error", problem: { code: "SLIPWAY_API_CLOSING", status: 503 } } },
    ]);
  });

  it("answers another path, and TCP without the token, over HTTP", async () => {
    const statusOf = async (socket: WebSocket): Promise<number | undefined> => {
      socket.on("error", () => undefined);
      const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode?: number }];
      socket.terminate();
      return response.statusCode;
    };
    expect(await statusOf(open("/projects"))).toBe(404);
    expect(await statusOf(new WebSocket(`ws://127.0.0.1:${served.api.port}/v1/instances/x/attach`))).toBe(401);
  });
});

describe("exec", () => {
  const encode = (request: unknown): string => Buffer.from(JSON.stringify(request)).toString("base64url");
  const request = { command: ["id", "-u"], environment: { A: "ä" }, interactive: false };

  it("hands the request to the node and forwards what comes of it", async () => {
    const openings: NodeOpening<"exec">[] = [];
    await using _exec = await served.answerStreams("exec", async (opening, stream) => {
      openings.push(opening);
      await stream.send(encodeControl(EXIT));
      await stream.end();
    });
    const { instanceId } = await run();
    await served.node.decree(() => ({}));
    const { frames } = await readAll(open(`/instances/${instanceId}/exec?request=${encode(request)}`));
    expect(frames).toEqual([{ channel: "control", control: EXIT }]);
    expect(openings).toEqual([{ instanceId, request }]);
  });

  it.each([
    ["no request", "", "SLIPWAY_API_REQUEST_INVALID"],
    ["a request that is no JSON", "?request=e30x", "SLIPWAY_API_REQUEST_INVALID"],
    ["a request without a command", `?request=${encode({ ...request, command: [] })}`, "SLIPWAY_CONTRACT_INVALID"],
  ])("refuses %s", async (_title, query, code) => {
    const { instanceId } = await run();
    const { frames } = await readAll(open(`/instances/${instanceId}/exec${query}`));
    expect(frames).toMatchObject([{ control: { type: "error", problem: { code } } }]);
  });

  it("refuses an instance that does not run", async () => {
    await served.node.decree(() => ({ state: "exited", exitCode: 0 }));
    const { instanceId } = await run();
    const { frames } = await readAll(open(`/instances/${instanceId}/exec?request=${encode(request)}`));
    expect(frames).toMatchObject([{ control: { type: "error", problem: { code: "SLIPWAY_API_INSTANCE_NOT_RUNNING" } } }]);
  });
});
