import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { project, service } from "#services/state/testing/specs.ts";
import { check, LIMIT_MS } from "#test/fuzz/check.ts";
import { mutatedJson } from "#test/fuzz/mutated-json.ts";
import { type ServedApi, serveApi } from "./testing/served-api.ts";

const RUNS = { numRuns: 300 };
let served: ServedApi;
beforeAll(async () => {
  served = await serveApi();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

const spec = {
  ...project("fuzz", [
    service("web", {
      environment: { A: "1" },
      command: ["sleep", "1"],
      ports: [{ hostIp: "0.0.0.0", hostPort: 0, containerPort: 80, protocol: "tcp" }],
      mounts: [{ type: "volume", volume: "data", target: "/data", readOnly: false }],
      slipway: {
        routes: [{ host: "a.test", path: "/", port: 80 }],
        publishes: ["a.b"],
        subscribes: [],
        requests: [],
        serves: [],
      },
    }),
  ]),
  volumes: { data: { name: "data", driver: "local", driverOptions: {}, labels: {} } },
};

/** A problem (RFC 9457) with a code of ours, a sentence and a remedy. */
function expectProblem(body: unknown): void {
  expect(body).toMatchObject({
    code: expect.stringMatching(/^SLIPWAY_/),
    detail: expect.any(String),
    remedy: expect.any(String),
  });
}

test("what the bodies are made from is applied as it is", async () => {
  expect(await served.client.send("PUT", "/projects/fuzz", spec)).toMatchObject({ status: 200 });
});

test(
  "whatever a project's body says, it is applied, or refused as the caller's mistake with code and place",
  async () => {
    const property = fc.asyncProperty(mutatedJson(spec), async (body) => {
      const answer = await served.client.send("PUT", "/projects/fuzz", body);
      if (answer.status === 200) return;
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expectProblem(answer.body);
    });
    // Once: a service of 2^31 replicas, whose numbers were listed until the heap was full.
    const kept = { ...spec, services: { web: { ...spec.services["web"], replicas: 2 ** 31 } } };
    await check(property, { ...RUNS, examples: [[kept]] });
  },
  LIMIT_MS,
);

test(
  "whatever path and query are asked for, the answer is not that the server failed",
  async () => {
    const part = fc.oneof(
      fc.constantFrom(
        "projects",
        "instances",
        "events",
        "logs",
        "volumes",
        "images",
        "fuzz",
        "..",
        "%00",
        "%ff",
        "a b",
        "",
      ),
      fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())),
    );
    const query = fc.constantFrom(
      "",
      "?",
      "?tail=-1",
      "?since=x",
      "?cursor=1e99",
      "?project=%00",
      "?all=maybe",
      "?limit=99999999",
    );
    const property = fc.asyncProperty(fc.array(part, { maxLength: 3 }), query, async (parts, search) => {
      const path = `/${parts.join("/")}${search}`;
      // What follows for ever, or asks a node that is not there, is not for this test.
      if (/follow|^\/(images|networks|volumes|logs|doctor|events|version)/.test(path) || path.endsWith("/plan")) return;
      const answer = await served.client.send("GET", path.replaceAll(" ", "%20"));
      expect(answer.status).toBeLessThan(500);
    });
    await check(property, RUNS);
  },
  LIMIT_MS,
);

test("nothing of that was a defect behind the API", () => {
  expect(served.logged).toEqual([]);
});
