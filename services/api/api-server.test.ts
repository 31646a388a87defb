import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogRecord } from "#contracts/api.ts";
import type { NodeOpening } from "#contracts/node-operations.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { RecordedEvent } from "#contracts/event.ts";
import { project, service } from "#services/state/testing/specs.ts";
import { listenOnUnixSocket } from "./listeners/unix-socket.ts";
import { ApiClient } from "./testing/api-client.ts";
import { refusal } from "./testing/refusal.ts";
import { type ServedApi, serveApi } from "./testing/served-api.ts";

let served: ServedApi;
beforeAll(async () => {
  served = await serveApi();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

describe("the unix socket", () => {
  it("is root's alone", async () => {
    const { mode, uid } = await stat(served.api.socketPath);
    expect([mode & 0o777, uid]).toEqual([0o600, 0]);
  });

  it("is not taken from a server that answers", async () => {
    const second = listenOnUnixSocket(createHttpServer(), { path: served.api.socketPath });
    await expect(second).rejects.toMatchObject({ code: "SLIPWAY_API_SOCKET_IN_USE" });
    expect((await served.client.send("GET", "/version")).status).toBe(200);
  });

  it("is taken over from a dead server, with its permissions from the first moment", async () => {
    const path = join(served.server.home.run, "stale.sock");
    const dead = createServer().listen(path);
    await once(dead, "listening");
    // As a killed process leaves it: the file is there, nobody listens.
    const stale = join(served.server.home.run, "left.sock");
    await writeFile(stale, "");
    dead.close();
    const server = createHttpServer((_request, response) => response.end("here"));
    await using _listening = await listenOnUnixSocket(server, { path: stale, groupId: 7 });
    const { mode, gid } = await stat(stale);
    expect([mode & 0o777, gid]).toEqual([0o660, 7]);
    const answer = await new ApiClient({ socketPath: stale }).send("GET", "/anything");
    expect(answer.body).toBe("here");
    server.closeAllConnections();
    server.close();
  });
});

describe("TCP", () => {
  const tokenPath = (): string => join(served.server.home.keys, "api-token");

  it("takes the token of the home and nothing else", async () => {
    const port = served.api.port!;
    const token = (await readFile(tokenPath(), "utf8")).trim();
    expect((await stat(tokenPath())).mode & 0o777).toBe(0o600);
    expect((await new ApiClient({ port, token }).send("GET", "/version")).status).toBe(200);
    for (const wrong of [{}, { token: "wrong" }, { token: `${token}x` }]) {
      const answer = await new ApiClient({ port, ...wrong }).send("GET", "/version");
      expect(answer).toMatchObject({ status: 401, body: { code: "SLIPWAY_API_UNAUTHORIZED" } });
      expect((answer.body as { remedy: string }).remedy).toContain("api-token");
    }
  });
});

describe("errors", () => {
  const send = (method: string, path: string, body?: unknown) => served.client.send(method, path, body);

  it.each([
    ["a path that is not there", "GET", "/nothing", undefined, 404, "SLIPWAY_API_NOT_FOUND", "GET /v1/nothing"],
    ["a body that is no JSON", "PUT", "/projects/shop", "{", 400, "SLIPWAY_API_REQUEST_INVALID", "JSON"],
    ["a value of a wrong type", "PUT", "/projects/shop", { name: 1 }, 400, "SLIPWAY_CONTRACT_INVALID", "body"],
    [
      "a project's name with a path in it",
      "GET",
      "/projects/..%2Fetc",
      undefined,
      400,
      "SLIPWAY_CONTRACT_INVALID",
      "params",
    ],
    ["an unknown project", "GET", "/projects/none", undefined, 404, "SLIPWAY_API_PROJECT_UNKNOWN", "none"],
    ["an unknown instance", "GET", "/instances/none", undefined, 404, "SLIPWAY_API_INSTANCE_UNKNOWN", "there are none"],
    ["a time that is none", "GET", "/events?since=yesterday", undefined, 400, "SLIPWAY_API_REQUEST_INVALID", "yesterday"],
    ["a node that is not there", "GET", "/doctor", undefined, 503, "SLIPWAY_MESSAGING_NO_RESPONDER", ""],
  ])("tell of %s as a problem", async (_title, method, path, body, status, code, detail) => {
    const answer = await send(method, path, body);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.contentType).toContain("application/problem+json");
    expect((answer.body as { detail: string }).detail).toContain(detail);
  });

  it("name the place in the body", async () => {
    const spec = project("shop", [service("web")]);
    const wrong = { ...spec, services: { web: { ...spec.services["web"], replicas: "two" } } };
    const answer = await send("PUT", "/projects/shop", wrong);
    expect(answer).toMatchObject({ status: 400, body: { code: "SLIPWAY_CONTRACT_INVALID" } });
    expect((answer.body as { detail: string }).detail).toContain("/services/web/replicas");
  });
});

describe("GET /openapi.json", () => {
  it("describes every path of the contract with its schemas, as OpenAPI 3.1", async () => {
    const { body } = await served.client.send("GET", "/openapi.json");
    const document = body as { openapi: string; paths: Record<string, Record<string, { requestBody?: unknown }>> };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).toSorted()).toEqual(
      [
        "/v1/ca",
        "/v1/doctor",
        "/v1/events",
        "/v1/images",
        "/v1/images/import",
        "/v1/images/pull",
        "/v1/instances",
        "/v1/instances/{ref}",
        "/v1/instances/{ref}/pause",
        "/v1/instances/{ref}/plan",
        "/v1/instances/{ref}/restart",
        "/v1/instances/{ref}/start",
        "/v1/instances/{ref}/stop",
        "/v1/instances/{ref}/unpause",
        "/v1/logs",
        "/v1/networks",
        "/v1/networks/{name}",
        "/v1/projects",
        "/v1/projects/{project}",
        "/v1/traces",
        "/v1/traces/{id}",
        "/v1/version",
        "/v1/volumes",
        "/v1/volumes/{name}",
      ].toSorted(),
    );
    expect(JSON.stringify(document.paths["/v1/projects/{project}"]?.["put"]?.requestBody)).toContain("dependsOn");
  });
});

describe("GET /ca", () => {
  it("answers the local CA's certificate, and says so when there is none yet", async () => {
    expect(await served.client.send("GET", "/ca")).toMatchObject({ status: 404, body: { code: "SLIPWAY_API_CA_MISSING" } });
    await mkdir(served.server.home.certificates, { recursive: true });
    await writeFile(join(served.server.home.certificates, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    expect(await served.client.send("GET", "/ca")).toMatchObject({ status: 200, body: "-----BEGIN CERTIFICATE-----\n" });
  });
});

describe("GET /logs", () => {
  const record = (line: string): LogRecord => ({
    time: "2026-01-01T00:00:00Z",
    stream: "stdout",
    line,
    partial: false,
    project: "shop",
    service: "web",
    instance: "shop-web-1",
  });

  it("asks the node for what was asked, and forwards its lines as they come", async () => {
    const asked: NodeOpening<"logs">[] = [];
    const go = Promise.withResolvers<void>();
    await using _logs = await served.answerStreams("logs", async (opening, stream) => {
      asked.push(opening);
      await stream.send(Buffer.from(`${JSON.stringify(record("one"))}\n`));
      await go.promise;
      await stream.send(Buffer.from(`${JSON.stringify(record("two"))}\n`));
      await stream.end();
    });
    const path = "/logs?project=shop&service=web&service=db&tail=5&follow=true&since=2026-01-01T00:00:00Z";
    const answer = await served.client.open("GET", path);
    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    const [first] = (await once(answer, "data")) as [Buffer];
    expect(JSON.parse(first.toString())).toEqual(record("one"));
    go.resolve();
    const rest: Buffer[] = await answer.toArray();
    expect(JSON.parse(Buffer.concat(rest).toString())).toEqual(record("two"));
    expect(asked).toEqual([
      { project: "shop", services: ["web", "db"], follow: true, tail: 5, since: "2026-01-01T00:00:00Z" },
    ]);
  });

  it("takes one service as a list of one", async () => {
    const asked: NodeOpening<"logs">[] = [];
    await using _logs = await served.answerStreams("logs", async (opening, stream) => {
      asked.push(opening);
      await stream.end();
    });
    await served.client.send("GET", "/logs?service=web");
    expect(asked[0]?.services).toEqual(["web"]);
  });

  it("ends the node's stream when the client goes away", async () => {
    const ended = Promise.withResolvers<void>();
    await using _logs = await served.answerStreams("logs", async (_opening, stream) => {
      await stream.send(Buffer.from("\n"));
      if (!stream.signal.aborted) await once(stream.signal, "abort");
      ended.resolve();
    });
    const answer = await served.client.open("GET", "/logs?follow=true");
    await once(answer, "data");
    answer.destroy();
    await ended.promise;
  });

  it("does not read the node's stream faster than the client takes it", async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, "x");
    const stalled = Promise.withResolvers<void>();
    await using _logs = await served.answerStreams("logs", async (_opening, stream) => {
      for (; sent < 2_000; sent++) {
        const waiting = setTimeout(() => stalled.resolve(), 300);
        await stream.send(chunk);
        clearTimeout(waiting);
      }
    });
    const answer = await served.client.open("GET", "/logs?follow=true");
    await stalled.promise;
    expect(sent).toBeLessThan(1_000);
    answer.destroy();
  });

  it("tells a node's refusal as a problem", async () => {
    await expect(served.client.send("GET", "/logs")).resolves.toMatchObject({
      status: 503,
      body: { code: "SLIPWAY_MESSAGING_NO_RESPONDER" },
    });
  });
});

describe("GET /events", () => {
  it("goes on after a cursor and follows what comes", async () => {
    const append = (subject: string) =>
      served.agent.events.append({ type: "node.started", source: "/nodes/n1/agent", subject });
    const cursor = await append("before");
    await append("one");
    const answer = await served.client.open("GET", `/events?since=${cursor}&follow=true`);
    const [first] = (await once(answer, "data")) as [Buffer];
    expect((JSON.parse(first.toString()) as RecordedEvent).event.subject).toBe("one");
    const arriving = once(answer, "data");
    await append("two");
    const [second] = (await arriving) as [Buffer];
    expect((JSON.parse(second.toString()) as RecordedEvent).event.subject).toBe("two");
    answer.destroy();
  });
});

describe("a node's resources", () => {
  const volume = {
    name: "shop_data",
    project: "shop",
    driver: "local",
    path: null,
    usedBytes: null,
    createdAt: "",
    usedBy: [],
  };

  it("are listed, found by name and removed, and what is not there is told with what is", async () => {
    const removed: string[] = [];
    await using _list = await served.answer("volume-list", async () => [volume]);
    await using _remove = await served.answer("volume-remove", async ({ name }) => {
      if (name === volume.name) removed.push(name);
      return { removed: name === volume.name };
    });
    expect(await served.client.get("/volumes")).toEqual([volume]);
    expect(await served.client.get("/volumes/shop_data")).toEqual(volume);
    expect(await served.client.send("DELETE", "/volumes/shop_data")).toMatchObject({ status: 204, body: "" });
    expect(removed).toEqual(["shop_data"]);
    for (const method of ["GET", "DELETE"]) {
      expect(await served.client.send(method, "/volumes/other")).toMatchObject({
        status: 404,
        body: { code: "SLIPWAY_API_VOLUME_UNKNOWN", detail: "there is no volume other; there are shop_data" },
      });
    }
  });

  it("tells the node's own refusal", async () => {
    await using _remove = await served.answer("image-remove", async () => {
      throw refusal("SLIPWAY_TESTING_IN_USE", "web uses it");
    });
    expect(await served.client.send("DELETE", "/images?reference=busybox")).toMatchObject({
      status: 409,
      body: { code: "SLIPWAY_TESTING_IN_USE", detail: "web uses it" },
    });
  });
});

describe("a pending instance", () => {
  it("is known from the moment it was asked for", async () => {
    const request = { spec: service("job"), interactive: false, attach: false, removeOnExit: false };
    const { status, body } = await served.client.send("POST", "/instances", request);
    const instance = body as ObservedInstance;
    expect([status, instance.state, instance.project]).toEqual([201, "pending", "run"]);
    expect(instance.name).toBe(`run-job-${instance.instanceId.slice(0, 6)}`);
    for (const ref of [instance.instanceId, instance.instanceId.slice(0, 5), instance.name, "run/job", "job"]) {
      const found = await served.client.get<{ observed: ObservedInstance }>(`/instances/${encodeURIComponent(ref)}`);
      expect(found.observed.instanceId).toBe(instance.instanceId);
    }
    expect(await served.client.send("DELETE", `/instances/${instance.instanceId}`)).toMatchObject({
      status: 409,
      body: { code: "SLIPWAY_API_INSTANCE_RUNNING" },
    });
    expect((await served.client.send("DELETE", `/instances/${instance.instanceId}?force=true`)).status).toBe(204);
    expect(await served.client.get("/instances?all=true")).toEqual([]);
  });
});
