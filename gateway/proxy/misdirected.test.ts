import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, askHttp2, openHttp2 } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startUpstream((_request, response) => void response.end("ok"));
  for (const host of ["a.test", "b.test", "*.wild.test"]) gateway.route(host, "/", [upstream.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

test("a request for another host than the connection was opened for is misdirected", async () => {
  const answer = await ask(gateway, "b.test", "/", { servername: "a.test" });
  expect(answer.status).toBe(421);
  expect(JSON.parse(answer.body)).toMatchObject({ code: "SLIPWAY_GATEWAY_MISDIRECTED" });
});

test("so it is over HTTP/2", async () => {
  await using session = await openHttp2(gateway, "a.test");
  expect(await askHttp2(session, { ":path": "/", ":authority": "b.test" })).toMatchObject({ status: 421 });
  expect(await askHttp2(session, { ":path": "/", ":authority": "a.test" })).toMatchObject({ status: 200 });
});

test("so it is on a resumed TLS session", async () => {
  const options = { host: "127.0.0.1", port: gateway.httpsPort, servername: "a.test", ca: gateway.ca };
  const first = connect(options).resume();
  const [session] = (await once(first, "session")) as [Buffer];
  first.destroy();
  const resumed = connect({ ...options, session });
  await once(resumed, "secureConnect");
  expect(resumed.isSessionReused()).toBe(true);
  resumed.write("GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n");
  expect(String(await resumed.toArray())).toMatch(/^HTTP\/1\.1 421 /);
});

test("a host that the connection's certificate covers is not", async () => {
  await using session = await openHttp2(gateway, "x.wild.test");
  expect(await askHttp2(session, { ":path": "/", ":authority": "y.wild.test" })).toMatchObject({ status: 200 });
});

test("a client that names no server may ask for any host", async () => {
  const answer = await ask(gateway, "a.test", "/", { servername: "", rejectUnauthorized: false });
  expect(answer.status).toBe(200);
});
