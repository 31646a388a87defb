import { afterEach, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { ATTACH_CHANNEL, type AttachControl, decodeFrame, encodeControl, encodeFrame } from "#contracts/attach.ts";
import { ContractServer, problem } from "../testing/contract-server.ts";
import { type CommandOptions, type CommandOutcome, runInProcess } from "../testing/run-in-process.ts";
import { sampleInstance } from "../testing/samples.ts";

const instance = sampleInstance({ project: "run", service: "host", name: "run-host-1", state: "pending" });
let server: ContractServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

async function run(
  args: string[],
  handler: (socket: WebSocket) => void,
  options: CommandOptions = {},
): Promise<CommandOutcome> {
  server = await ContractServer.start(
    {
      "POST /v1/instances": () => ({ status: 201, json: instance }),
      "GET /v1/instances": () => ({ json: [{ ...instance, state: "running" }] }),
      "DELETE /v1/instances/0123456789ab": () => ({ status: 204 }),
    },
    { "/v1/instances/0123456789ab/attach": handler, "/v1/instances/run%2Fhost/exec": handler },
  );
  return runInProcess(args, { server, ...options });
}

const exit = (exitCode: number): Uint8Array => encodeControl({ type: "exit", exitCode, oomKilled: false });

test("a container's output comes out on the right streams, and its exit code is ours", async () => {
  const outcome = await run(["run", "--rm", "host", "sh", "-c", "exit 7"], (socket) => {
    socket.send(encodeControl({ type: "started", pid: 1 }));
    socket.send(encodeFrame(ATTACH_CHANNEL.stdout, Buffer.from("out")));
    socket.send(encodeFrame(ATTACH_CHANNEL.stderr, Buffer.from("err")));
    socket.send(exit(7));
    socket.close();
  });
  expect(outcome).toEqual({ exitCode: 7, stdout: "out", stderr: "err" });
  const request = server!.requests.find(({ method }) => method === "POST");
  expect(request?.body).toMatchObject({
    spec: { image: "host", command: ["sh", "-c", "exit 7"], networks: [{ name: "default", aliases: [] }] },
    interactive: false,
    attach: true,
    removeOnExit: true,
  });
});

test("stdin goes over with -i, and its end", async () => {
  const outcome = await run(
    ["run", "-i", "host", "cat"],
    (socket) =>
      socket.on("message", (data: Buffer) => {
        const frame = decodeFrame(data);
        if (frame.channel === "stdin") socket.send(encodeFrame(ATTACH_CHANNEL.stdout, frame.payload));
        if (frame.channel === "control" && frame.control.type === "stdin-end") socket.send(exit(0));
      }),
    { stdin: "hello" },
  );
  expect(outcome).toMatchObject({ exitCode: 0, stdout: "hello" });
});

test.each([
  ["run", ["run", "host", "sleep", "9"]],
  ["exec", ["exec", "host", "sleep", "9"]],
])("signals to %s go over by name when the process runs", async (_, args) => {
  let sendSignal: (name: NodeJS.Signals) => void = () => {};
  const outcome = await run(
    args,
    (socket) => {
      const received: string[] = [];
      socket.on("message", (data: Buffer) => {
        const frame = decodeFrame(data) as { control: Extract<AttachControl, { type: "signal" }> };
        received.push(frame.control.signal);
        if (received.length === 1) sendSignal("SIGTERM");
        else socket.send(exit(received.join() === "SIGUSR1,SIGTERM" ? 42 : 1));
      });
      // Kept until the process runs.
      sendSignal("SIGUSR1");
      socket.send(encodeControl({ type: "started", pid: 1 }));
      socket.send(encodeFrame(ATTACH_CHANNEL.stdout, Buffer.from("up")));
    },
    { onSignals: (send) => (sendSignal = send) },
  );
  expect(outcome).toEqual({ exitCode: 42, stdout: "up", stderr: "" });
});

test("a signal that comes before the process runs ends the attempt, and nothing is left to start later", async () => {
  let sendSignal: (name: NodeJS.Signals) => void = () => {};
  const options: CommandOptions = { onSignals: (send) => (sendSignal = send) };
  const outcome = await run(["run", "host", "sleep", "9"], () => sendSignal("SIGTERM"), options);
  expect(outcome).toEqual({ exitCode: 143, stdout: "", stderr: "" });
  expect(server!.requests.at(-1)).toMatchObject({ method: "DELETE", path: "/v1/instances/0123456789ab" });
});

test("a command that is not there ends with the code that the server says", async () => {
  const failure = { ...problem("SLIPWAY_LAUNCH_COMMAND_NOT_FOUND", 422, "nope is not there"), exitCode: 127 } as never;
  const outcome = await run(["run", "host", "nope"], (socket) => {
    socket.send(encodeControl({ type: "error", problem: failure }));
    socket.close(1011);
  });
  expect(outcome.exitCode).toBe(127);
  expect(outcome.stderr).toContain("slipway: nope is not there [SLIPWAY_LAUNCH_COMMAND_NOT_FOUND]");
});

test("a stream that ends before the process did is an error, not an exit", async () => {
  const outcome = await run(["run", "host", "true"], (socket) => socket.close());
  expect(outcome.exitCode).toBe(125);
  expect(outcome.stderr).toContain("SLIPWAY_CLI_SERVER_GONE");
});

test("exec names its process in the request", async () => {
  const outcome = await run(["exec", "-u", "1000", "-e", "A=1", "-w", "/srv", "host", "id", "-u"], (socket) =>
    socket.send(exit(0)),
  );
  expect(outcome.exitCode).toBe(0);
  const encoded = server!.requests.find(({ method }) => method === "WS")!.query.get("request")!;
  expect(JSON.parse(Buffer.from(encoded, "base64url").toString())).toEqual({
    command: ["id", "-u"],
    environment: { A: "1" },
    user: "1000",
    workingDir: "/srv",
    interactive: false,
  });
});

test("-d prints the id when the process runs, and says why when it cannot", async () => {
  let observed = instance;
  const routes = {
    "POST /v1/instances": () => ({ status: 201, json: instance }),
    "GET /v1/instances/0123456789ab": () => ({ json: { observed, spec: null } }),
    "GET /v1/events": () => ({ lines: [], keepOpen: true }),
  };
  server = await ContractServer.start(routes);
  observed = { ...instance, state: "running" };
  expect(await runInProcess(["run", "-d", "host", "sleep", "9"], { server })).toEqual({
    exitCode: 0,
    stdout: "0123456789ab\n",
    stderr: expect.stringMatching(/^trace [0-9a-f]{32}: slipway trace show [0-9a-f]{12}\n$/),
  });
  observed = {
    ...instance,
    state: "failed",
    error: { code: "SLIPWAY_X", message: "no such file", remedy: "Name another.", exitCode: 127 },
  };
  expect(await runInProcess(["run", "-d", "host", "nope"], { server })).toMatchObject({ exitCode: 127, stdout: "" });
});

test("--network takes a project's network by its full name, and lists those there are", async () => {
  const network = {
    name: "shop_back",
    project: "shop",
    bridge: "b",
    subnet: "s",
    gateway: "g",
    internal: false,
    endpoints: [],
  };
  server = await ContractServer.start({
    "GET /v1/networks": () => ({ json: [network] }),
    "POST /v1/instances": () => ({ status: 500, json: problem("SLIPWAY_STOP_HERE", 500) }),
  });
  await runInProcess(["run", "--network", "shop_back", "host"], { server });
  expect(server.requests.at(-1)?.body).toMatchObject({ project: "shop", spec: { networks: [{ name: "back" }] } });
  const outcome = await runInProcess(["run", "--network", "nope", "host"], { server });
  expect(outcome.stderr).toContain('no network is called "nope"; there are: shop_back');
});
