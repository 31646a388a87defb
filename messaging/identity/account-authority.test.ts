import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ScratchServer } from "../testing/scratch-server.ts";
import { type AccountAuthority, openAccountAuthority } from "./account-authority.ts";
import type { AccountRecord } from "./account-record.ts";
import type { CredentialsOrder } from "./project-account.ts";

let server: ScratchServer;
let authority: AccountAuthority;
let instances = 0;
const openAuthority = () => openAccountAuthority({ url: server.url, keys: server.home.keys });

beforeAll(async () => {
  server = await ScratchServer.start();
  authority = await openAuthority();
});
afterAll(async () => {
  await authority[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const newInstanceId = (): string => (++instances).toString(16).padStart(12, "0");

function order(
  project: string,
  declared: Partial<CredentialsOrder["permissions"]>,
  instanceId = newInstanceId(),
): CredentialsOrder {
  const permissions = { publishes: [], subscribes: [], requests: [], serves: [], ...declared };
  return { project, instanceId, service: "web", permissions, expiresInMs: 3_600_000 };
}

/** An unmodified client, as a service in a container has it. */
async function connectWith(creds: string): Promise<NatsConnection> {
  return connect({ servers: server.url, authenticator: credsAuthenticator(Buffer.from(creds)), reconnect: false });
}

async function connectAs(project: string, declared: Partial<CredentialsOrder["permissions"]>): Promise<NatsConnection> {
  const { creds } = await authority.issue(order(project, declared));
  return connectWith(creds);
}

test("one project does not hear another's subjects, and a project's own services hear each other", async () => {
  await using speaker = await connectAs("alpha", { publishes: ["orders.created"] });
  await using neighbour = await connectAs("alpha", { subscribes: ["orders.*"] });
  await using stranger = await connectAs("beta", { subscribes: ["orders.*", ">"] });
  const heardByStranger = stranger.subscribe(">");
  const heard = neighbour.subscribe("orders.*", { max: 1 });
  await Promise.all([neighbour.flush(), stranger.flush()]);
  speaker.publish("orders.created", "42");
  for await (const message of heard) expect([message.subject, message.string()]).toEqual(["orders.created", "42"]);
  await stranger.flush();
  expect(heardByStranger.getReceived()).toBe(0);
});

test("a request is answered by the service that serves it, both with unmodified clients", async () => {
  await using answering = await connectAs("alpha", { serves: ["stock.get"] });
  await using asking = await connectAs("alpha", { requests: ["stock.get"] });
  answering.subscribe("stock.get", { queue: "stock", callback: (_error, message) => void message.respond("7 left") });
  await answering.flush();
  const answer = await asking.request("stock.get", "tea", { timeout: 2000 });
  expect(answer.string()).toBe("7 left");
});

test("an undeclared subject is refused, to publish and to hear", async () => {
  await using service = await connectAs("alpha", { publishes: ["orders.created"], serves: ["stock.get"] });
  const refused = Promise.withResolvers<string>();
  void (async () => {
    for await (const status of service.status()) if (status.type === "error") refused.resolve(status.error.message);
  })();
  service.publish("payments.made", "1");
  expect(await refused.promise).toContain('Permissions Violation for Publish to "payments.made"');
  const denied = ["payments.made", ">", "_INBOX.>", "orders.created", "$JS.API.>", "$SYS.>"].map(async (subject) => {
    for await (const _message of service.subscribe(subject)) throw new Error(`heard ${subject}`);
  });
  for (const each of await Promise.allSettled(denied)) {
    expect(each).toMatchObject({
      status: "rejected",
      reason: { message: expect.stringContaining("Permissions Violation") },
    });
  }
});

test("who only publishes hears nothing, and who only listens says nothing", async () => {
  await using publisher = await connectAs("alpha", { publishes: ["orders.created"] });
  await using listener = await connectAs("alpha", { subscribes: ["orders.created"] });
  const heard = (async () => {
    for await (const _message of publisher.subscribe("anything")) throw new Error("heard something");
  })();
  await expect(heard).rejects.toThrow(/permissions violation/i);
  await expect(listener.request("anything", "", { timeout: 300 })).rejects.toThrow(/permissions violation/i);
});

test.each([{}, { publishes: [">"], subscribes: [">"], requests: [">"] }])(
  "JetStream's API does not answer a service that declares %j",
  async (declared) => {
    await using service = await connectAs("alpha", declared);
    await expect(service.request("$JS.API.INFO", "", { timeout: 300 })).rejects.toThrow(/permissions violation/i);
  },
);

test("a revoked instance is cut off within a second and cannot come back; others stay", async () => {
  const revoked = order("alpha", { publishes: ["a"] });
  const { creds } = await authority.issue(revoked);
  const renewed = await authority.issue(revoked);
  await using first = await connectWith(creds);
  await using second = await connectWith(renewed.creds);
  await using other = await connectAs("alpha", { publishes: ["a"] });
  const started = performance.now();
  await authority.revoke(revoked.instanceId);
  await Promise.all([first.closed(), second.closed()]);
  expect(performance.now() - started).toBeLessThan(1000);
  await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
  await other.flush();
  expect(other.isClosed()).toBe(false);
});

test("credentials of an hour ahead are good, and can be made void: the clock was set back since", async () => {
  const ahead = order("alpha", { publishes: ["a"] });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  const { creds } = await authority.issue(ahead).finally(() => vi.useRealTimers());
  await using service = await connectWith(creds);
  await authority.revoke(ahead.instanceId);
  await service.closed();
  await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
});

test("twenty revocations at once all hold", async () => {
  const orders = Array.from({ length: 20 }, () => order("gamma", { publishes: ["a"] }));
  const issued = await Promise.all(orders.map((each) => authority.issue(each)));
  const connections = await Promise.all(issued.map(({ creds }) => connectWith(creds)));
  await Promise.all(orders.map(({ instanceId }) => authority.revoke(instanceId)));
  await Promise.all(connections.map((connection) => connection.closed()));
  expect(connections.map((connection) => connection.isClosed())).toEqual(orders.map(() => true));
});

test("of many that were revoked only the newest are named; the older are void, also for an authority that starts anew", async () => {
  const start = Date.now();
  const clock = (seconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: start + seconds * 1000 });
  const voided: string[] = [];
  const named = async (): Promise<AccountRecord> =>
    JSON.parse(await readFile(join(server.home.keys, "accounts", "lambda.json"), "utf8")) as AccountRecord;
  try {
    for (let second = 1; second <= 8; second++) {
      clock(second);
      const each = order("lambda", { publishes: ["a"] });
      voided.push((await authority.issue(each)).creds);
      await authority.revoke(each.instanceId);
    }
    expect((await named()).users).toHaveLength(1);
    clock(9);
    const kept = await authority.issue(order("lambda", { publishes: ["a"] }));
    clock(10);
    const last = order("lambda", { publishes: ["a"] });
    voided.push((await authority.issue(last)).creds);
    await authority.revoke(last.instanceId);
    // The clock is set back: what is issued now must not be void from the beginning.
    clock(-30);
    const later = await authority.issue(order("lambda", { publishes: ["a"] }));
    vi.useRealTimers();
    for (const _ of ["as it is", "anew"]) {
      for (const creds of voided) await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
      for (const { creds } of [kept, later]) await (await connectWith(creds)).close();
      await authority[Symbol.asyncDispose]();
      authority = await openAuthority();
    }
    expect((await named()).users).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test("credentials end when they expire", async () => {
  const { creds, expiresAt } = await authority.issue({ ...order("alpha", { publishes: ["a"] }), expiresInMs: 1500 });
  await using service = await connectWith(creds);
  await service.closed();
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
});

test("an authority that starts anew can revoke what the one before it issued", async () => {
  const { instanceId, ...rest } = order("delta", { publishes: ["a"] });
  const { creds } = await authority.issue({ instanceId, ...rest });
  await authority[Symbol.asyncDispose]();
  authority = await openAuthority();
  await using service = await connectWith(creds);
  await authority.revoke(instanceId);
  await service.closed();
  await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
});

test("a removed project's users are cut off, and a project of the same name is another one", async () => {
  const { creds } = await authority.issue(order("epsilon", { publishes: ["a"] }));
  await using service = await connectWith(creds);
  await authority.removeProjectAccount("epsilon");
  await service.closed();
  await authority.ensureProjectAccount("epsilon");
  await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
  await authority.removeProjectAccount("epsilon");
  expect(await readdir(join(server.home.keys, "accounts"))).not.toContain("epsilon.json");
});

test("a removed project's account stays away, whatever is revoked in it at the same moment, and leaves no file", async () => {
  const known = async (): Promise<string[]> => (await readdir(join(server.home.nats, "accounts"))).toSorted();
  const before = await known();
  for (const round of [1, 2, 3, 4, 5]) {
    const orders = Array.from({ length: 5 }, () => order(`theta${round}`, { publishes: ["a"] }));
    await Promise.all(orders.map((each) => authority.issue(each)));
    const revocations = orders.map(({ instanceId }) => authority.revoke(instanceId));
    await Promise.all([authority.removeProjectAccount(`theta${round}`), ...revocations]);
  }
  expect(await known()).toEqual(before);
});

test("who has good credentials is known, also to an authority that starts anew", async () => {
  const [kept, gone] = [order("kappa", { publishes: ["a"] }), order("kappa", { publishes: ["a"] })];
  for (const each of [kept, gone]) await authority.issue(each);
  await authority.revoke(gone.instanceId);
  await authority[Symbol.asyncDispose]();
  authority = await openAuthority();
  const holders = authority.credentialHolders().filter(({ project }) => project === "kappa");
  expect(holders).toEqual([{ project: "kappa", instanceId: kept.instanceId }]);
});

test("a server that lost its accounts knows them again, revocations too", async () => {
  const kept = order("zeta", { publishes: ["a"] });
  const gone = order("zeta", { publishes: ["a"] });
  const [keptCreds, goneCreds] = [await authority.issue(kept), await authority.issue(gone)];
  await authority.revoke(gone.instanceId);
  await server.stop();
  await rm(join(server.home.nats, "accounts"), { recursive: true });
  await server.startAgain();
  await using _service = await connect({
    servers: server.url,
    authenticator: credsAuthenticator(Buffer.from(keptCreds.creds)),
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 50,
    maxReconnectAttempts: 100,
  });
  await expect(connectWith(goneCreds.creds)).rejects.toThrow(/authorization/i);
});

test("a revocation while the server is away is carried out when it is back", async () => {
  const { instanceId, ...rest } = order("eta", { publishes: ["a"] });
  const { creds } = await authority.issue({ instanceId, ...rest });
  await server.crash();
  await expect(authority.revoke(instanceId)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_UNAVAILABLE" });
  await server.startAgain();
  await authority.pushAll();
  await expect(connectWith(creds)).rejects.toThrow(/authorization/i);
});

test("a project's name cannot lead out of the accounts folder", async () => {
  await expect(authority.ensureProjectAccount("../operator")).rejects.toMatchObject({ code: "SLIPWAY_CONTRACT_INVALID" });
});

test("a damaged record is an error that names its file", async () => {
  const path = join(server.home.keys, "accounts", "alpha.json");
  const good = await readFile(path, "utf8");
  await authority[Symbol.asyncDispose]();
  await writeFile(path, good.slice(0, 40));
  await expect(openAuthority()).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_IDENTITY_DAMAGED",
    message: expect.stringContaining(path),
  });
  await writeFile(path, good);
  authority = await openAuthority();
});
