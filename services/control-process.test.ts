import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ApplyResult, ProjectStatus } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { RecordedEvent } from "#contracts/event.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import type { NodeAnswer, NodeRequest } from "#contracts/node-operations.ts";
import { nodeSubject, CONTROL_SUBJECTS, type CredentialsRequest, type IssuedCredentials } from "#contracts/subjects.ts";
import { connectPlatform } from "#messaging/connect.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { startTelemetry } from "#telemetry/start.ts";
import { OtlpReceiver } from "#telemetry/testing/otlp-receiver.ts";
import { ApiClient } from "./api/testing/api-client.ts";
import { refusal } from "./api/testing/refusal.ts";
import { type ControlProcess, startControlProcess } from "./control-process.ts";
import { ReportingNode } from "./state/testing/reporting-node.ts";
import { HEALTHCHECK, dependsOn, project, service } from "./state/testing/specs.ts";

const NODE = "n1";
const PATIENCE_MS = 15_000;

let server: ScratchServer;
let agent: Platform;
let node: ReportingNode;
let api: ApiClient;

beforeAll(async () => {
  server = await ScratchServer.start();
  agent = await connectPlatform(server.as("agent"));
});

beforeEach(async () => {
  node = await ReportingNode.start(agent, NODE);
  api = new ApiClient({ socketPath: server.home.apiSocket });
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(server.home.run, { recursive: true, force: true });
});

function startHere(): Promise<ControlProcess> {
  const environment = {
    home: server.home.home,
    node: NODE,
    natsUrl: server.url,
    natsCreds: server.prepared.creds.control,
    apiPort: undefined,
    socketGroupId: undefined,
    readyFd: undefined,
    traces: { maxAgeMs: 3_600_000, maxBytes: 16 * 1024 ** 2 },
  };
  return startControlProcess(environment, AbortSignal.timeout(PATIENCE_MS));
}

/** Asks until it is so; the API has no call that waits for a project. */
async function until<Value>(ask: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (isSo(value)) return value;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(value)}`);
    await delay(10);
  }
}

const status = (name: string): Promise<ProjectStatus> => api.get(`/projects/${name}`);
const instances = (name: string): Promise<ObservedInstance[]> => api.get(`/instances?project=${name}&all=true`);
const ready = (name: string): Promise<ProjectStatus> =>
  until(
    () => status(name),
    ({ state }) => state === "ready",
  );
const gone = (name: string): Promise<unknown> =>
  until(
    () => api.send("GET", `/projects/${name}`),
    (answer) => answer.status === 404,
  );

async function down(name: string): Promise<void> {
  await api.delete(`/projects/${name}?volumes=false`);
  await gone(name);
}

const apply = (spec: ProjectSpec): Promise<ApplyResult> => api.put(`/projects/${spec.name}`, spec);

describe("a project", () => {
  let control: ControlProcess;
  beforeEach(async () => {
    control = await startHere();
  });
  afterEach(async () => {
    await control[Symbol.asyncDispose]();
  });

  it("becomes ready when its node runs what was applied, and is gone after its removal", async () => {
    const applied = await apply(project("shop", [service("web", { replicas: 2 }), service("db")]));
    expect(applied).toMatchObject({
      generation: 1,
      changes: [
        { service: "db", action: "create" },
        { service: "web", action: "create" },
      ],
    });
    await ready("shop");
    expect((await instances("shop")).map(({ name }) => name)).toEqual(["shop-db-1", "shop-web-1", "shop-web-2"]);
    await down("shop");
    expect(await instances("shop")).toEqual([]);
  });

  it("scales without touching the replicas that stay", async () => {
    await apply(project("shop", [service("web", { replicas: 2 })]));
    await ready("shop");
    const before = (await instances("shop")).map(({ instanceId }) => instanceId);
    const { changes } = await apply(project("shop", [service("web", { replicas: 3 })]));
    expect(changes).toEqual([{ service: "web", action: "scale" }]);
    await ready("shop");
    const after = (await instances("shop")).map(({ instanceId }) => instanceId);
    expect([after.slice(0, 2), after.length]).toEqual([before, 3]);
    await down("shop");
  });

  it("replaces what changed and keeps the rest", async () => {
    const spec = (image: string) => project("shop", [service("web", { image, replicas: 2 }), service("db")]);
    await apply(spec("host"));
    await ready("shop");
    const before = await instances("shop");
    await apply(spec("v2"));
    await ready("shop");
    const after = await instances("shop");
    expect(after.map(({ service: name, image }) => [name, image])).toEqual([
      ["db", "host"],
      ["web", "v2"],
      ["web", "v2"],
    ]);
    expect(after[0]).toEqual(before[0]);
    await down("shop");
  });

  it("keeps the old revision running when the new one fails, and says why", async () => {
    const spec = (image: string) => project("shop", [service("web", { image, healthcheck: HEALTHCHECK })]);
    await apply(spec("host"));
    await ready("shop");
    await node.decree(({ spec: { image } }) => (image === "bad" ? { health: "unhealthy" } : {}));
    await apply(spec("bad"));
    const failed = await until(
      () => status("shop"),
      ({ state }) => state === "failed",
    );
    expect(failed.services[0]?.detail).toBe("shop-web-1 is unhealthy; the replaced revision keeps running");
    expect((await instances("shop")).map(({ image, health }) => `${image} is ${health}`)).toEqual([
      "host is healthy",
      "bad is unhealthy",
    ]);
    await down("shop");
  });

  it("starts services in the order of their dependencies", async () => {
    await node.decree(({ service: name }) => {
      if (name === "migrate") return { state: "exited", exitCode: 0 };
      return {};
    });
    await apply(
      project("shop", [
        service("web", { dependsOn: dependsOn("service_started", "api") }),
        service("api", { dependsOn: dependsOn("service_completed_successfully", "migrate") }),
        service("migrate", { dependsOn: dependsOn("service_healthy", "db") }),
        service("db", { healthcheck: HEALTHCHECK }),
      ]),
    );
    await ready("shop");
    expect(node.seen.map(({ service: name }) => name)).toEqual(["db", "migrate", "api", "web"]);
    await down("shop");
  });

  it("says of a service whose dependency failed that it cannot start, and why", async () => {
    await node.decree(({ service: name }) => (name === "migrate" ? { state: "exited", exitCode: 3 } : {}));
    const web = service("web", { dependsOn: dependsOn("service_completed_successfully", "migrate") });
    await apply(project("shop", [service("migrate"), web]));
    const failed = await until(
      () => status("shop"),
      ({ state }) => state === "failed",
    );
    expect(failed.services.map(({ state, detail }) => [state, detail])).toEqual([
      ["failed", "shop-migrate-1 ended with exit code 3"],
      ["failed", "cannot start: shop-migrate-1 ended with exit code 3"],
    ]);
    await down("shop");
  });

  it("stops and starts a service by its instance", async () => {
    await apply(project("shop", [service("web")]));
    await ready("shop");
    const stopped = await api.post<ObservedInstance>("/instances/shop%2Fweb/stop");
    expect(stopped.state).toBe("exited");
    expect((await status("shop")).state).toBe("stopped");
    const started = await api.post<ObservedInstance>("/instances/shop-web-1/start");
    expect([started.state, started.runSerial]).toEqual(["running", 1]);
    await down("shop");
  });

  it("is told in events from the cursor of its apply on", async () => {
    const { cursor } = await apply(project("shop", [service("web")]));
    await ready("shop");
    await down("shop");
    const answer = await api.send("GET", `/events?since=${cursor}&project=shop`);
    const events = (answer.body as string).trim().split("\n");
    const types = events.map((line) => (JSON.parse(line) as RecordedEvent).event.type);
    expect(types.filter((type) => !type.includes("credentials"))).toEqual([
      "dev.slipway.project.applied",
      "dev.slipway.instance.assigned",
      "dev.slipway.project.removed",
    ]);
  });
});

describe("an apply", () => {
  it("is refused what another project has, and while its project is removed", async () => {
    await using _control = await startHere();
    const route = {
      routes: [{ host: "shop.test", path: "/", port: 80 }],
      publishes: [],
      subscribes: [],
      requests: [],
      serves: [],
    };
    await apply(project("shop", [service("web", { slipway: route })]));
    await ready("shop");
    const blog = project("blog", [service("web", { slipway: route })]);
    expect(await api.send("PUT", "/projects/blog", blog)).toMatchObject({
      status: 409,
      body: { code: "SLIPWAY_API_ROUTE_CONFLICT", detail: "blog/web wants the route shop.test/, which shop/web has" },
    });
    await api.delete("/projects/shop");
    expect(await api.send("PUT", "/projects/shop", project("shop", []))).toMatchObject({
      status: 409,
      body: { code: "SLIPWAY_API_PROJECT_REMOVING" },
    });
    await gone("shop");
    await apply(blog);
    await ready("blog");
    await down("blog");
  });

  it("of the same spec asks again for what failed, and for nothing else", async () => {
    await using _control = await startHere();
    const spec = project("shop", [service("bad"), service("good")]);
    await node.decree(({ service: name, runSerial }) => (name === "bad" && runSerial === 0 ? { state: "failed" } : {}));
    const first = await apply(spec);
    await until(
      () => status("shop"),
      ({ state }) => state === "failed",
    );
    const second = await apply(spec);
    expect([second.generation, second.changes.map(({ action }) => action)]).toEqual([first.generation, ["keep", "keep"]]);
    await ready("shop");
    expect((await instances("shop")).map(({ runSerial }) => runSerial)).toEqual([1, 0]);
    await down("shop");
  });
});

describe("a removal", () => {
  it("of a replica makes another instance in its place", async () => {
    await using _control = await startHere();
    await apply(project("shop", [service("web")]));
    await ready("shop");
    const [before] = await instances("shop");
    expect(await api.send("DELETE", "/instances/shop-web-1")).toMatchObject({ status: 409 });
    expect(await api.send("DELETE", "/instances/shop-web-1?force=true")).toMatchObject({ status: 204 });
    const [after] = await until(
      () => instances("shop"),
      ([web]) => web?.state === "running",
    );
    expect(after!.name).toBe("shop-web-1");
    expect(after!.instanceId).not.toBe(before!.instanceId);
    await down("shop");
  });

  it("of a project's volumes is tried until the node can, ever less often", async () => {
    await using _control = await startHere();
    const asked: string[] = [];
    await using _volumes = agent.serve<NodeRequest<"volume-remove">, NodeAnswer<"volume-remove">>(
      nodeSubject(NODE, "volume-remove"),
      async ({ name }) => {
        asked.push(name);
        if (asked.length < 4) throw refusal("SLIPWAY_TESTING_IN_USE", "the volume is busy");
        return { removed: true };
      },
    );
    await agent.flush();
    const volumes = { data: { name: "data", driver: "local", driverOptions: {}, labels: {} } };
    await apply(project("shop", [service("web")], { volumes }));
    await ready("shop");
    const start = performance.now();
    await api.delete("/projects/shop?volumes=true");
    await gone("shop");
    expect(asked).toEqual(["shop_data", "shop_data", "shop_data", "shop_data"]);
    expect(performance.now() - start).toBeGreaterThan(100 + 200 + 400);
  });
});

describe("while nats-server is away", () => {
  it("what is known is answered, and what is asked for is done when it is back", async () => {
    await using _control = await startHere();
    await apply(project("shop", [service("web")]));
    await ready("shop");
    await server.crash();
    expect((await status("shop")).state).toBe("ready");
    expect((await instances("shop")).map(({ name }) => name)).toEqual(["shop-web-1"]);
    const applying = apply(project("shop", [service("web", { replicas: 2 })]));
    await server.startAgain();
    expect((await applying).changes).toEqual([{ service: "web", action: "scale" }]);
    // Observed state is in memory and was lost with the server: the node tells it again.
    await node.decree(() => ({}));
    await ready("shop");
    expect(await instances("shop")).toHaveLength(2);
    await down("shop");
  });
});

describe("a request's trace", () => {
  it("goes on in every step that follows from it, and is told to the node", async () => {
    await using receiver = await OtlpReceiver.start();
    const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    {
      const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
      await using _telemetry = await startTelemetry({ service: "control", version: "0", environment });
      await using _control = await startHere();
      await api.send("PUT", "/projects/shop", project("shop", [service("web")]), headers);
      await ready("shop");
      await down("shop");
    }
    const spans = receiver.spans.filter(({ traceId }) => traceId === "0af7651916cd43dd8448eb211c80319c");
    const request = spans.find(({ name }) => name === "PUT /v1/projects/:project");
    expect(request?.parentSpanId).toBe("b7ad6b7169203331");
    const creation = spans.find(({ name }) => name === "controller create-assignment");
    expect(creation?.parentSpanId).toBe(request?.spanId);
    expect(node.seen[0]?.traceparent?.split("-")[2]).toBe(creation?.spanId);
  });

  it("is kept with the project and with every instance when spans are not recorded", async () => {
    await using _telemetry = await startTelemetry({ service: "control", version: "0", environment: {} });
    await using _control = await startHere();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    await api.send("PUT", "/projects/shop", project("shop", [service("web")]), headers);
    await ready("shop");
    expect(node.seen.map(({ traceparent }) => traceparent?.split("-")[1])).toEqual([traceId]);
    const request = { spec: service("job"), interactive: false, attach: false, removeOnExit: false };
    const job = (await api.send("POST", "/instances", request, headers)).body as ObservedInstance;
    await until(
      () => instances("run"),
      (all) => all.some(({ state }) => state === "running"),
    );
    expect(node.seen.at(-1)?.traceparent).toContain(traceId);
    await api.delete(`/instances/${job.instanceId}?force=true`);
    const lines = (await api.send("GET", "/events?project=shop")).body as string;
    const assigned = lines
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as RecordedEvent).event);
    expect(assigned.at(-1)?.traceparent).toContain(traceId);
    await down("shop");
  });
});

describe("an instance's credentials", () => {
  it("are issued to its node while it is assigned, and to nobody for an unknown one", async () => {
    await using _control = await startHere();
    await apply(project("shop", [service("web")]));
    await ready("shop");
    const [web] = await instances("shop");
    const ask = (instanceId: string) =>
      agent.request<CredentialsRequest, IssuedCredentials>(CONTROL_SUBJECTS.issueCredentials, { node: NODE, instanceId });
    expect((await ask(web!.instanceId)).creds).toContain("BEGIN NATS USER JWT");
    await expect(ask("0123456789ab")).rejects.toMatchObject({ code: "SLIPWAY_CONTROLLER_INSTANCE_UNKNOWN" });
    await down("shop");
  });
});

describe("the control process", () => {
  const started: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of started.splice(0)) await kill(child, "SIGKILL");
  });

  async function startProcess(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.mjs")], {
      stdio: ["ignore", "inherit", "inherit", "pipe"],
      env: {
        ...process.env,
        SLIPWAY_HOME: server.home.home,
        SLIPWAY_NODE: NODE,
        NATS_URL: server.url,
        NATS_CREDS: server.prepared.creds.control,
        SLIPWAY_READY_FD: "3",
      },
    });
    started.push(child);
    const [text] = (await once(child.stdio[3]!, "data")) as [Buffer];
    expect(text.toString()).toBe("ready\n");
    return child;
  }

  async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, "exit");
    child.kill(signal);
    return (await exited)[0];
  }

  it("goes on with a rollout in the middle of which it was killed", async () => {
    const spec = (image: string) => project("shop", [service("web", { image, replicas: 3, healthcheck: HEALTHCHECK })]);
    const first = await startProcess();
    await apply(spec("host"));
    await ready("shop");
    await node.decree(({ spec: { image }, index }) => (image === "v2" && index === 2 ? { health: "starting" } : {}));
    await apply(spec("v2"));
    await until(
      () => instances("shop"),
      (all) => all.some(({ image, index }) => image === "v2" && index === 2),
    );
    await kill(first, "SIGKILL");
    await node.decree(() => ({}));

    const second = await startProcess();
    await ready("shop");
    expect((await instances("shop")).map(({ image, index }) => [image, index])).toEqual([
      ["v2", 1],
      ["v2", 2],
      ["v2", 3],
    ]);
    expect(node.seen.filter(({ spec: { image } }) => image === "v2")).toHaveLength(3);
    await down("shop");
    expect(await kill(second, "SIGTERM")).toBe(0);
  });
});
