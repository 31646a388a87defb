import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ProjectStatus } from "#contracts/api.ts";
import { ContractServer, problem } from "../testing/contract-server.ts";
import { runInProcess } from "../testing/run-in-process.ts";
import { sampleInstance, sampleStatus } from "../testing/samples.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-up-"));
  file = join(folder, "compose.yaml");
  writeFileSync(file, "name: shop\nservices:\n  web: {image: host}\n  db: {image: host}\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let server: ContractServer | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

type Services = ProjectStatus["services"];
const status = (state: ProjectStatus["state"], services: Services, generation = 2): ProjectStatus => ({
  project: "shop",
  generation,
  state,
  services,
});

/** A server whose project goes through these statuses, one a question. */
async function serve(
  statuses: (ProjectStatus | undefined)[],
  more: Parameters<typeof ContractServer.start>[0] = {},
): Promise<ContractServer> {
  let next = 0;
  const event = (cursor: number): object => ({
    cursor,
    event: {
      specversion: "1.0",
      id: String(cursor),
      source: "/c",
      type: "dev.slipway.instance.started",
      subject: "shop/web/shop-web-1",
      time: "2026-01-31T12:00:00Z",
      datacontenttype: "application/json",
      data: {},
    },
  });
  return ContractServer.start({
    "PUT /v1/projects/shop": () => ({ json: { project: "shop", generation: 2, changes: [], cursor: 41 } }),
    "DELETE /v1/projects/shop": () => ({ json: { project: "shop", generation: 3, changes: [], cursor: 50 } }),
    "GET /v1/projects/shop": () => {
      const answer = statuses[Math.min(next++, statuses.length - 1)];
      return answer === undefined ? { status: 404, json: problem("SLIPWAY_API_PROJECT_UNKNOWN", 404) } : { json: answer };
    },
    // One event at a time: the stream ends after each, and is read on from its cursor.
    "GET /v1/events": ({ query }) => ({ lines: [event(Number(query.get("since")) + 1)] }),
    "GET /v1/instances": () => ({ json: [] }),
    ...more,
  });
}

test("up --wait shows each service's way and ends with 0 when all are ready", async () => {
  server = await serve([
    status("ready", [sampleStatus("web", "ready", "of the file before")], 1),
    status("progressing", [
      sampleStatus("db", "progressing", "1 starting"),
      sampleStatus("web", "waiting", "waits for db"),
    ]),
    status("progressing", [
      sampleStatus("db", "ready", "1/1 running"),
      sampleStatus("web", "progressing", "1 starting", 1),
    ]),
    status("ready", [sampleStatus("db", "ready", "1/1 running"), sampleStatus("web", "ready", "1/1 running")]),
  ]);
  const outcome = await runInProcess(["up", "-d", "--wait", "-f", file], { server });
  expect({ ...outcome, stderr: outcome.stderr.replaceAll(/\b[0-9a-f]{12,32}\b/g, "ID") }).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: `· db   progressing  1 starting
· web  waiting      waits for db
✔ db   ready        1/1 running
· web  progressing  1 starting
✔ web  ready        1/1 running
trace ID: slipway trace show ID
`,
  });
  expect(server.requests.find(({ method }) => method === "PUT")?.body).toMatchObject({
    name: "shop",
    services: { web: { image: "host" } },
  });
  expect(server.requests.find(({ path }) => path === "/v1/events")?.query.get("since")).toBe("41");
});

test("up -d ends when all run, before they are healthy", async () => {
  server = await serve([status("progressing", [sampleStatus("web", "progressing", "1 starting", 1)])]);
  expect((await runInProcess(["up", "-d", "-f", file], { server })).exitCode).toBe(0);
});

test("up ends with 1 and says why each service failed, with its remedy", async () => {
  const error = {
    code: "SLIPWAY_IMAGE_NOT_FOUND",
    message: "there is no image nope",
    remedy: "Name another.",
    exitCode: 125,
  };
  server = await serve(
    [status("failed", [sampleStatus("db", "failed", "exited with 3"), sampleStatus("web", "failed", error.message)])],
    {
      "GET /v1/instances": () => ({ json: [sampleInstance({ state: "failed", error })] }),
    },
  );
  const outcome = await runInProcess(["up", "-d", "-f", file], { server });
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain("slipway: web: there is no image nope [SLIPWAY_IMAGE_NOT_FOUND]\n  → Name another.\n");
  expect(outcome.stderr).toContain(
    "slipway: db: exited with 3 [SLIPWAY_CLI_NOT_READY]\n  → `slipway logs -p shop db` shows what it said.\n",
  );
});

test("up without -d follows the logs; Ctrl-C stops the instances and ends with 130", async () => {
  const running = status("ready", [sampleStatus("web", "ready", "1/1 running")]);
  const stopped = status("stopped", [sampleStatus("web", "stopped", "stopped")]);
  const statuses = [running];
  const record = {
    time: "2026-01-31T12:00:00Z",
    stream: "stdout",
    line: "hello",
    partial: false,
    project: "shop",
    service: "web",
    instance: "shop-web-1",
  };
  server = await serve(statuses, {
    "GET /v1/logs": () => ({ lines: [record], keepOpen: true }),
    "GET /v1/instances": () => ({ json: [sampleInstance()] }),
    "POST /v1/instances/0123456789ab/stop": () => {
      statuses.push(stopped);
      return { json: sampleInstance({ state: "exited" }) };
    },
  });
  const outcome = await runInProcess(["up", "-f", file], { server, onSignals: (send) => setImmediate(send, "SIGINT") });
  expect(outcome.exitCode).toBe(130);
  expect(outcome.stdout).toBe("web | hello\n");
  expect(outcome.stderr).toMatch(/Stopping .*\n■ web {2}stopped {6}stopped\n$/);
});

test("a file with mistakes is not sent, and all of them are printed", async () => {
  server = await serve([]);
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, "services:\n  web:\n    imge: host\n    prots: [1]\n");
  const outcome = await runInProcess(["up", "-f", bad], { server });
  expect(outcome.exitCode).toBe(125);
  expect(outcome.stderr).toContain(
    `"imge" is no key of services.web [SLIPWAY_COMPOSE_UNKNOWN_KEY]\n  ${bad}:3:5\n  → Did you mean "image"?`,
  );
  expect(outcome.stderr).toContain(`${bad}:4:5`);
  expect(server.requests).toEqual([]);
  const asJson = await runInProcess(["up", "-f", bad, "-o", "json"], { server });
  expect((JSON.parse(asJson.stderr) as { errors: object[] }).errors).toHaveLength(3);
});

test("down follows the removal to its end", async () => {
  server = await serve([status("removing", [sampleStatus("web", "progressing", "1 stopping")], 3), undefined]);
  const outcome = await runInProcess(["down", "-v", "-f", file], { server });
  expect(outcome.exitCode).toBe(0);
  expect(outcome.stderr).toMatch(
    /^· web {2}progressing {2}1 stopping\n✔ web {2}removed\n✔ project shop removed, its volumes too\ntrace [0-9a-f]{32}: .*\n$/,
  );
  expect(server.requests.find(({ method }) => method === "DELETE")?.query.get("volumes")).toBe("true");
});
