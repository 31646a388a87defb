import { afterEach, expect, test } from "vitest";
import { ContractServer, problem } from "../testing/contract-server.ts";
import { runInProcess } from "../testing/run-in-process.ts";
import { sampleInstance } from "../testing/samples.ts";

let server: ContractServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

const record = (service: string, line: string, more: object = {}): object => ({
  time: "2026-01-31T12:00:00.000000001Z",
  stream: "stdout",
  line,
  partial: false,
  project: "shop",
  service,
  instance: `shop-${service}-1`,
  ...more,
});
const instances = [
  sampleInstance(),
  sampleInstance({ instanceId: "ffffffffffff", name: "shop-orders-1", service: "orders" }),
];

test("logs are prefixed and aligned, streams kept apart, parts of a line joined", async () => {
  const lines = [
    record("web", "one"),
    record("orders", "two", { stream: "stderr" }),
    record("web", "lo", { partial: true }),
    record("web", "ng"),
  ];
  server = await ContractServer.start({
    "GET /v1/instances": () => ({ json: instances }),
    "GET /v1/logs": () => ({ lines }),
  });
  const outcome = await runInProcess(["logs", "-t", "-p", "shop"], { server });
  expect(outcome).toEqual({
    exitCode: 0,
    stdout: "web    | 2026-01-31T12:00:00.000000001Z one\nweb    | 2026-01-31T12:00:00.000000001Z long\n",
    stderr: "orders | 2026-01-31T12:00:00.000000001Z two\n",
  });
});

test("logs of one service ask for it alone, the last lines of it", async () => {
  server = await ContractServer.start({
    "GET /v1/instances": () => ({ json: instances }),
    "GET /v1/logs": () => ({ lines: [record("web", "one")] }),
  });
  const outcome = await runInProcess(["logs", "-n", "5", "web", "-o", "json"], { server });
  expect(JSON.parse(outcome.stdout)).toMatchObject([{ line: "one" }]);
  const { query } = server.requests.at(-1)!;
  expect(Object.fromEntries(query)).toEqual({ project: "shop", service: "web", follow: "false", tail: "5" });
});

test("events are a line each, and an array with -o json", async () => {
  const event = {
    specversion: "1.0",
    id: "1",
    source: "/c",
    type: "dev.slipway.instance.started",
    subject: "shop/web/shop-web-1",
    time: "2026-01-31T12:00:00Z",
    datacontenttype: "application/json",
    data: { pid: 7, why: "a b" },
  };
  const other = { ...event, subject: "shopping/web/x" };
  server = await ContractServer.start({
    "GET /v1/events": () => ({
      lines: [
        { cursor: 1, event },
        { cursor: 2, event: other },
      ],
    }),
  });
  const outcome = await runInProcess(["events", "-p", "shop", "--since", "12"], { server });
  expect(outcome.stdout).toBe('2026-01-31T12:00:00Z  instance.started      shop/web/shop-web-1  pid=7 why="a b"\n');
  expect(server.requests[0]!.query.get("since")).toBe("12");
  expect(JSON.parse((await runInProcess(["events", "-o", "json"], { server })).stdout)).toHaveLength(2);
});

test("a pull draws a bar a layer on a terminal and ends with the image", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const lines = [
    { phase: "resolving", doneBytes: 0, totalBytes: 0 },
    { phase: "downloading", digest, doneBytes: 500_000, totalBytes: 1_000_000 },
    { phase: "done", digest, doneBytes: 1_000_000, totalBytes: 1_000_000 },
    { phase: "done", doneBytes: 0, totalBytes: 0, image: { reference: "example/web:1", digest } },
  ];
  server = await ContractServer.start({ "POST /v1/images/pull": () => ({ lines }) });
  const outcome = await runInProcess(["image", "pull", "example/web:1"], { server, columns: 100 });
  expect(outcome.exitCode).toBe(0);
  expect(outcome.stderr).toContain(`sha256:aaaaaaaaaaaa  downloading  ${"█".repeat(12)}${"░".repeat(12)}  500kB/1.0MB`);
  expect(outcome.stdout).toBe(`example/web:1 ${digest}\n`);
});

test("a pull that fails ends with the registry's problem", async () => {
  const failure = problem("SLIPWAY_IMAGE_DIGEST_MISMATCH", 502, "the registry lies");
  server = await ContractServer.start({
    "POST /v1/images/pull": () => ({ lines: [{ phase: "failed", doneBytes: 0, totalBytes: 0, problem: failure }] }),
  });
  const outcome = await runInProcess(["image", "pull", "x"], { server });
  expect(outcome.exitCode).toBe(125);
  expect(outcome.stderr).toContain("the registry lies [SLIPWAY_IMAGE_DIGEST_MISMATCH]");
});

test("stop, start and restart act on every replica of a service", async () => {
  const replicas = [sampleInstance(), sampleInstance({ instanceId: "eeeeeeeeeeee", name: "shop-web-2", index: 2 })];
  server = await ContractServer.start({
    "GET /v1/instances": () => ({ json: replicas }),
    "POST /v1/instances/0123456789ab/stop": () => ({ json: replicas[0] }),
    "POST /v1/instances/eeeeeeeeeeee/stop": () => ({ json: replicas[1] }),
  });
  expect(await runInProcess(["stop", "web"], { server })).toMatchObject({ exitCode: 0, stdout: "web\n" });
  expect(server.requests.filter(({ method }) => method === "POST")).toHaveLength(2);
});
