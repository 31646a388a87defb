import { type AddressInfo, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { OtlpReceiver } from "#telemetry/testing/otlp-receiver.ts";
import { ContractServer, problem } from "./testing/contract-server.ts";
import { runInProcess } from "./testing/run-in-process.ts";

let server: ContractServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

test("a problem of the server is printed as sentence, code, place and remedy, and decides the exit code", async () => {
  const place = { file: "compose.yaml", line: 3, column: 5 };
  const answer = { ...problem("SLIPWAY_IMAGE_NOT_FOUND", 404, "there is no image nope"), exitCode: 126, place };
  server = await ContractServer.start({ "GET /v1/instances": () => ({ status: 404, json: answer }) });
  const outcome = await runInProcess(["ps"], { server });
  expect(outcome).toEqual({
    exitCode: 126,
    stdout: "",
    stderr: "slipway: there is no image nope [SLIPWAY_IMAGE_NOT_FOUND]\n  compose.yaml:3:5\n  → Do this.\n",
  });
});

test("with -o json a problem goes to stderr as it is", async () => {
  const answer = problem("SLIPWAY_X", 500);
  server = await ContractServer.start({ "GET /v1/instances": () => ({ status: 500, json: answer }) });
  const outcome = await runInProcess(["ps", "-o", "json"], { server });
  expect(JSON.parse(outcome.stderr)).toEqual(answer);
});

test("a server that is not running is said to be, with what to do", async () => {
  const outcome = await runInProcess(["ps"], { environment: { SLIPWAY_HOST: "unix:///run/slipway/none/api.sock" } });
  expect(outcome.exitCode).toBe(125);
  expect(outcome.stderr).toMatch(
    /no server answers at \/run\/slipway\/none\/api\.sock: there is no such socket \[SLIPWAY_CLI_SERVER_NOT_RUNNING\]/,
  );
  expect(outcome.stderr).toContain("`slipway server`");
});

test("a server that goes away while it is asked is not one that does not run", async () => {
  const rude = createServer((socket) => socket.once("data", () => socket.destroy()));
  await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
  const { port } = rude.address() as AddressInfo;
  const outcome = await runInProcess(["ps"], { environment: { SLIPWAY_HOST: `http://127.0.0.1:${port}` } });
  await new Promise((resolve) => rude.close(resolve));
  expect(outcome.stderr).toContain("closed the connection before it answered [SLIPWAY_CLI_SERVER_GONE]");
});

test("an answer that is none of ours is called unreadable", async () => {
  server = await ContractServer.start({
    "GET /v1/instances": () => ({ status: 502, type: "text/html", text: "<h1>Bad gateway</h1>" }),
    "GET /v1/volumes": () => ({ text: "<h1>Hello</h1>" }),
    "GET /v1/networks": () => ({ json: { name: 1 } }),
  });
  expect((await runInProcess(["ps"], { server })).stderr).toContain(
    "answered 502 and no problem details [SLIPWAY_CLI_ANSWER_UNREADABLE]",
  );
  expect((await runInProcess(["volume", "ls"], { server })).stderr).toContain(
    "is not JSON [SLIPWAY_CLI_ANSWER_UNREADABLE]",
  );
  expect((await runInProcess(["network", "ls"], { server })).stderr).toContain(
    "is no list [SLIPWAY_CLI_ANSWER_UNREADABLE]",
  );
});

test("over TCP the token and a trace context go along", async () => {
  server = await ContractServer.start({ "GET /v1/instances": () => ({ json: [] }) });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const environment = { SLIPWAY_HOST: server.url, SLIPWAY_TOKEN: "secret", TRACEPARENT: traceparent };
  expect((await runInProcess(["ps", "-o", "json"], { environment })).stdout).toBe("[]\n");
  const { headers } = server.requests[0]!;
  expect(headers.authorization).toBe("Bearer secret");
  expect(headers.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  expect(headers.traceparent).not.toBe(traceparent);
});

test("where traces are exported the command's own span is the parent of what it asks for", async () => {
  await using receiver = await OtlpReceiver.start();
  server = await ContractServer.start({ "GET /v1/instances": () => ({ json: [] }) });
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  await runInProcess(["ps"], { server, environment });
  const [span] = receiver.spans;
  expect(receiver.spans).toHaveLength(1);
  expect(span).toMatchObject({ name: "slipway ps", resource: { "service.name": "slipway-cli" } });
  expect(server.requests[0]!.headers.traceparent).toBe(`00-${span!.traceId}-${span!.spanId}-01`);
});

test.each([
  [["pz"], 'slipway has no verb "pz"', "Did you mean `slipway ps`?"],
  [["image", "pul"], 'slipway image has no verb "pul"', "`slipway help image`"],
  [["ps", "--al"], "slipway ps has no flag --al", "Did you mean --all?"],
  [["ps", "extra"], 'slipway ps does not take "extra"', "slipway help ps"],
  [["run"], "slipway run needs IMAGE", "slipway help run"],
  [["logs", "-n"], "-n needs a value (N)", "slipway help logs"],
  [["ps", "-o", "yaml"], "-o takes json", "slipway help ps"],
  [["events", "--since", "yesterday"], "--since takes a time", "slipway help"],
])("%j is a mistake of usage", async (args, message, remedy) => {
  const outcome = await runInProcess(args, { environment: { SLIPWAY_HOST: "unix:///none" } });
  expect(outcome.exitCode).toBe(125);
  expect(outcome.stderr).toContain(message);
  expect(outcome.stderr).toContain(remedy);
});

test("a bad SLIPWAY_HOST is named", async () => {
  const outcome = await runInProcess(["ps"], { environment: { SLIPWAY_HOST: "ftp://x" } });
  expect(outcome.stderr).toContain("SLIPWAY_CLI_HOST_INVALID");
});

test("help lists every verb, and each verb its flags", async () => {
  const general = await runInProcess([]);
  expect(general.exitCode).toBe(0);
  const verbs = [...general.stdout.matchAll(/^ {2}(\w+(?: \w+)?) {2,}/gm)].map((match) => match[1]!);
  expect(verbs).toEqual(
    expect.arrayContaining(["server", "up", "down", "run", "exec", "ps", "image pull", "ca show", "doctor"]),
  );
  for (const verb of verbs) {
    expect((await runInProcess(["help", ...verb.split(" ")])).stdout).toContain(`Usage: slipway ${verb} [FLAGS]`);
    expect((await runInProcess([...verb.split(" "), "--help"])).stdout).toContain("-o, --output json");
  }
});

test("version answers without a server", async () => {
  const outcome = await runInProcess(["version", "-o", "json"], { environment: { SLIPWAY_HOST: "unix:///none" } });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ client: { node: process.version }, server: null });
});
