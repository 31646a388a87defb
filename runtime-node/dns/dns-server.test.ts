import { Resolver } from "node:dns/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import packet, { type DecodedPacket } from "dns-packet";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { type DnsServer, createDnsServer } from "./dns-server.ts";
import { NameTable } from "./name-table.ts";
import type { Upstream, UpstreamSource } from "./resolv-conf.ts";
import { answerToSecond, askTcp, askUdp, sendAll, sendDatagram } from "./testing/raw-client.ts";
import { ScriptedUpstream, addressOf, answerWith } from "./testing/scripted-upstream.ts";
import { FLAGS, RCODE } from "./wire.ts";

const NETWORK = "shop_default";
const ADDRESS = "127.0.0.1";
const kernel = new LinuxKernel();

let scope: AsyncDisposableStack;
let names: NameTable;
beforeEach(() => {
  scope = new AsyncDisposableStack();
  names = new NameTable();
});
afterEach(() => scope.disposeAsync());

function addReplica(index: number, healthy = true): void {
  names.add({
    network: NETWORK,
    project: "shop",
    instanceId: index.toString(16).padStart(12, "0"),
    instanceName: `shop-web-${index}`,
    service: "web",
    aliases: ["www"],
    address: `10.90.${index >> 8}.${index & 255}`,
    ports: [{ name: "http", port: 8080, protocol: "tcp" }],
    healthy,
  });
}

async function start(
  upstreams?: UpstreamSource,
  attemptTimeoutMs = 5000,
): Promise<{ server: DnsServer; resolver: Resolver }> {
  const options = { kernel, bindAddress: ADDRESS, port: 0, network: NETWORK, names, attemptTimeoutMs };
  const server = scope.use(await createDnsServer(upstreams === undefined ? options : { ...options, upstreams }));
  const resolver = new Resolver({ timeout: 10_000, tries: 1 });
  resolver.setServers([`${server.address}:${server.port}`]);
  scope.defer(() => resolver.cancel());
  return { server, resolver };
}

/** Copies with one to eight bytes changed, cut off somewhere now and then; the same in every run. */
function mutationsOf(packetBytes: Buffer, count: number): Buffer[] {
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  return Array.from({ length: count }, () => {
    const copy = Buffer.from(packetBytes);
    for (let changes = next(8); changes >= 0; changes -= 1) copy[next(copy.byteLength)] = next(256);
    return next(4) === 0 ? copy.subarray(0, next(copy.byteLength) + 1) : copy;
  });
}

const upstreamThat = async (behaviour: Parameters<typeof ScriptedUpstream.start>[0]): Promise<ScriptedUpstream> =>
  scope.use(await ScriptedUpstream.start(behaviour));

describe("names of the network", () => {
  it("resolve to all healthy replicas, each of them first sooner or later", async () => {
    for (const index of [1, 2, 3]) addReplica(index);
    addReplica(4, false);
    const { resolver } = await start();
    const first = new Set<string | undefined>();
    while (first.size < 3) {
      const addresses = await resolver.resolve4("web.shop", { ttl: true });
      expect(addresses.map(({ address }) => address).toSorted()).toEqual(["10.90.0.1", "10.90.0.2", "10.90.0.3"]);
      expect(addresses[0]?.ttl).toBe(5);
      first.add(addresses[0]?.address);
    }
    expect(await resolver.resolve4("shop-web-4")).toEqual(["10.90.0.4"]);
    expect(await resolver.resolve4("WWW")).toHaveLength(3);
  });

  it("answer SRV with port and address, and PTR with the instance's name", async () => {
    addReplica(1);
    const { server, resolver } = await start();
    for (const name of ["_http._tcp.web", "_8080._tcp.web.shop"]) {
      expect(await resolver.resolveSrv(name)).toMatchObject([{ name: "shop-web-1", port: 8080, priority: 0, weight: 1 }]);
    }
    const answer = await askUdp(server, { questions: [{ type: "SRV", name: "_http._tcp.web" }] });
    expect(answer.additionals).toMatchObject([{ type: "A", name: "shop-web-1", data: "10.90.0.1" }]);
    expect(await resolver.reverse("10.90.0.1")).toEqual(["shop-web-1"]);
  });

  it("exist without an AAAA record, and without addresses while nothing behind them is healthy", async () => {
    addReplica(1);
    const { server, resolver } = await start();
    await expect(resolver.resolve6("web")).rejects.toMatchObject({ code: "ENODATA" });
    const answer = await askUdp(server, { questions: [{ type: "AAAA", name: "web" }] });
    expect(answer).toMatchObject({ rcode: "NOERROR", answers: [], flag_aa: true, flag_ra: true });
    addReplica(1, false);
    await expect(resolver.resolve4("web")).rejects.toMatchObject({ code: "ENODATA" });
  });

  it("do not exist when they are unknown: one label is never asked of anyone else", async () => {
    addReplica(1);
    const upstream = await upstreamThat((asked) => [addressOf(asked, "192.0.2.1")]);
    const { resolver } = await start(async () => [upstream.upstream]);
    for (const name of ["db", "_9090._tcp.web", "_http._tcp.db"]) {
      await expect(resolver.resolveAny(name)).rejects.toMatchObject({ code: "ENOTFOUND" });
    }
    expect(upstream.asked).toEqual([]);
  });

  it("come in a TCP answer when they do not fit a datagram, whose size EDNS raises", async () => {
    for (let index = 1; index <= 60; index += 1) addReplica(index);
    const { server, resolver } = await start();
    const question = { questions: [{ type: "A" as const, name: "web" }] };
    expect(await askUdp(server, question)).toMatchObject({ flag_tc: true, answers: [] });
    const edns = { additionals: [{ type: "OPT" as const, name: ".", udpPayloadSize: 4096, flags: 0 } as never] };
    const large = await askUdp(server, { ...question, ...edns });
    expect(large).toMatchObject({ flag_tc: false, additionals: [{ type: "OPT", udpPayloadSize: 1232 }] });
    expect(large.answers).toHaveLength(60);
    expect(await resolver.resolve4("web")).toHaveLength(60);
    for (let index = 61; index <= 400; index += 1) addReplica(index);
    expect(await resolver.resolve4("web")).toHaveLength(400);
  });

  it("answer several questions on one TCP connection, in order", async () => {
    addReplica(1);
    const { server } = await start();
    const answers = await askTcp(
      server,
      { questions: [{ type: "A", name: "web" }] },
      { questions: [{ type: "A", name: "db" }] },
    );
    expect(answers).toMatchObject([{ rcode: "NOERROR" }, { rcode: "NXDOMAIN" }]);
  });
});

describe("names of the world", () => {
  it("are answered by the host's resolver, under an id and port that change and with the asker's EDNS left alone", async () => {
    const upstream = await upstreamThat((asked) => [addressOf(asked, "192.0.2.1")]);
    const { server, resolver } = await start(async () => [upstream.upstream]);
    expect(await resolver.resolve4("example.org")).toEqual(["192.0.2.1"]);
    const option = { code: 10, data: Buffer.from("0123456789abcdef", "hex") };
    const opt = { type: "OPT", name: ".", udpPayloadSize: 1400, flags: 0x8000, options: [option] } as never;
    for (let count = 0; count < 8; count += 1) {
      const answer = await askUdp(server, { questions: [{ type: "TXT", name: "Example.ORG" }], additionals: [opt] });
      expect(answer).toMatchObject({ id: 4711, questions: [{ name: "Example.ORG", type: "TXT" }] });
    }
    const seen = upstream.asked.slice(1);
    expect(packet.decode(seen[0]?.packet ?? Buffer.alloc(0)).additionals).toMatchObject([
      { type: "OPT", udpPayloadSize: 1400, flags: 0x8000, options: [option] },
    ]);
    expect(new Set(seen.map(({ id }) => id)).size).toBeGreaterThan(4);
    expect(new Set(seen.map(({ sourcePort }) => sourcePort)).size).toBeGreaterThan(4);
  });

  it("are not believed from an answer with another id or question", async () => {
    const upstream = await upstreamThat((asked) => {
      const otherId = Buffer.from(addressOf(asked, "192.0.2.66"));
      otherId.writeUInt16BE(asked.id ^ 1, 0);
      const otherQuestion = packet.encode({
        type: "response",
        id: asked.id,
        questions: [{ type: "A", name: "evil.example" }],
        answers: [{ type: "A", name: "evil.example", data: "192.0.2.66" }],
      });
      return [otherId, otherQuestion, asked.packet, Buffer.from("no DNS"), addressOf(asked, "192.0.2.1")];
    });
    const { resolver } = await start(async () => [upstream.upstream]);
    expect(await resolver.resolve4("example.org")).toEqual(["192.0.2.1"]);
  });

  it("are asked of the next resolver when one is silent, dead or failing; who answered is asked first from then on", async () => {
    const silent = await upstreamThat(() => []);
    const failing = await upstreamThat((asked) => [answerWith(asked, [], RCODE.SERVFAIL)]);
    const good = await upstreamThat((asked) => [addressOf(asked, "192.0.2.1")]);
    const dead = { address: ADDRESS, port: 1 };
    const all = [silent.upstream, dead, failing.upstream, good.upstream];
    const { resolver } = await start(async () => all, 200);
    expect(await resolver.resolve4("example.org")).toEqual(["192.0.2.1"]);
    expect(await resolver.resolve4("example.net")).toEqual(["192.0.2.1"]);
    expect([silent, failing, good].map(({ asked }) => asked.length)).toEqual([1, 1, 2]);
  });

  it("are fetched over TCP when the resolver's answer does not fit a datagram", async () => {
    const addresses = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`);
    const upstream = await upstreamThat((asked) =>
      asked.transport === "udp"
        ? [answerWith(asked, [], FLAGS.truncated)]
        : [
            answerWith(
              asked,
              addresses.map((data) => ({ type: "A" as const, name: asked.name, data })),
            ),
          ],
    );
    const { resolver } = await start(async () => [upstream.upstream]);
    expect(await resolver.resolve4("large.example")).toEqual(addresses);
    expect(new Set(upstream.asked.map(({ transport }) => transport))).toEqual(new Set(["udp", "tcp"]));
  });

  it("fail with SERVFAIL when no resolver answers, when there is none, and when the only one is this server", async () => {
    const silent = await upstreamThat(() => []);
    let upstreams = [silent.upstream];
    const { server, resolver } = await start(async () => upstreams, 50);
    await expect(resolver.resolve4("example.org")).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(silent.asked).toHaveLength(2);
    for (upstreams of [[], [{ address: server.address, port: server.port }]]) {
      await expect(resolver.resolve4("example.org")).rejects.toMatchObject({ code: "ESERVFAIL" });
    }
  });

  it("are not asked of this server itself, though the host's configuration names it", async () => {
    const good = await upstreamThat((asked) => [addressOf(asked, "192.0.2.1")]);
    const own: Upstream[] = [];
    let forwarded = 0;
    const { server, resolver } = await start(async () => {
      forwarded += 1;
      return [...own, good.upstream];
    });
    own.push({ address: server.address, port: server.port });
    expect(await resolver.resolve4("example.org")).toEqual(["192.0.2.1"]);
    expect(forwarded).toBe(1);
  });

  it("do not exist on a network with no way out", async () => {
    const { resolver } = await start();
    await expect(resolver.resolve4("example.org")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("cannot be asked without bound: what one container asks too much fails at once, and local names go on", async () => {
    addReplica(1);
    const silent = await upstreamThat(() => []);
    const { server, resolver } = await start(async () => [silent.upstream], 60_000);
    const questions = Array.from({ length: 64 }, (_, index) => ({ type: "A" as const, name: `name-${index}.example` }));
    await sendAll(
      server,
      questions.map((question, id) => packet.encode({ type: "query", id, questions: [question] })),
    );
    await expect.poll(() => silent.asked.length, { timeout: 10_000 }).toBe(64);
    await expect(resolver.resolve4("one-too-many.example")).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(await resolver.resolve4("web")).toEqual(["10.90.0.1"]);
    expect(silent.asked).toHaveLength(64);
  });
});

describe("a server", () => {
  it("goes on after every kind of garbage, and answers only what is a query", async () => {
    addReplica(1);
    const { server, resolver } = await start();
    const query = packet.encode({ type: "query", id: 9, questions: [{ type: "A", name: "web" }] });
    const twoQuestions = Buffer.from(query);
    twoQuestions.writeUInt16BE(2, 4);
    const pointerLoop = Buffer.concat([query.subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
    const update = Buffer.from(query);
    update.writeUInt16BE(0x2800, 2);
    for (const bytes of [twoQuestions, pointerLoop, query.subarray(0, 14)]) {
      expect((await sendDatagram(server, bytes)).readUInt8(3) & 15).toBe(RCODE.FORMERR);
    }
    expect((await sendDatagram(server, update)).readUInt8(3) & 15).toBe(RCODE.NOTIMP);
    const chaos = packet.encode({ type: "query", questions: [{ type: "TXT", name: "version.bind", class: "CH" }] });
    expect((await sendDatagram(server, chaos)).readUInt8(3) & 15).toBe(RCODE.REFUSED);
    const answerBytes = packet.encode({ type: "response", id: 8, questions: [{ type: "A", name: "web" }] });
    for (const ignored of [answerBytes, Buffer.from("short")]) {
      // Of two datagrams the first gets no answer, so the answer is the second's.
      expect(await answerToSecond(server, ignored, query)).toBe(9);
    }
    expect(await resolver.resolve4("web")).toEqual(["10.90.0.1"]);
  });

  it("answers a query again the short way, as it was asked, until its name leads elsewhere", async () => {
    addReplica(1);
    const { server } = await start();
    const ask = (name: string): Promise<DecodedPacket> => askUdp(server, { questions: [{ type: "A", name }] });
    for (const name of ["web", "WEB", "wEb"]) {
      expect(await ask(name)).toMatchObject({ questions: [{ name }], answers: [{ name, data: "10.90.0.1" }] });
    }
    addReplica(1, false);
    expect(await ask("web")).toMatchObject({ rcode: "NOERROR", answers: [] });
    names.remove(NETWORK, "000000000001");
    expect(await ask("web")).toMatchObject({ rcode: "NXDOMAIN" });
  });

  it("answers all of a flood of queries, with empty and endless datagrams and names of the world between them", async () => {
    addReplica(1);
    const upstream = await upstreamThat((asked) => [addressOf(asked, "192.0.2.1")]);
    const { server } = await start(async () => [upstream.upstream]);
    const asked: Promise<DecodedPacket>[] = [];
    for (let count = 0; count < 150; count++) {
      asked.push(askUdp(server, { questions: [{ type: "A", name: count % 10 === 0 ? "example.org" : "web" }] }));
      if (count % 7 === 0) await sendAll(server, [new Uint8Array(), new Uint8Array(3000)]);
    }
    const answers = (await Promise.all(asked)).map((answer) =>
      answer.answers?.map((record) => "data" in record && record.data),
    );
    expect(answers.filter((data) => data?.[0] === "10.90.0.1")).toHaveLength(135);
    expect(answers.filter((data) => data?.[0] === "192.0.2.1")).toHaveLength(15);
  });

  it("answers a query that is longer than any has to be", async () => {
    addReplica(1);
    const { server } = await start();
    const query = packet.encode({ type: "query", id: 9, questions: [{ type: "A", name: "web" }] });
    const answer = packet.decode(await sendDatagram(server, Buffer.concat([query, Buffer.alloc(5000)])));
    expect(answer).toMatchObject({ id: 9, answers: [{ data: "10.90.0.1" }] });
  });

  it("answers random mutations of a query or leaves them, and lives", async () => {
    addReplica(1);
    const { server, resolver } = await start();
    const query = packet.encode({ type: "query", id: 9, questions: [{ type: "SRV", name: "_http._tcp.web" }] });
    const mutations = mutationsOf(query, 1000);
    // In portions that the socket's receive buffer holds.
    for (let sent = 0; sent < mutations.length; sent += 50) {
      await sendAll(server, mutations.slice(sent, sent + 50));
      expect(await resolver.resolve4("web")).toEqual(["10.90.0.1"]);
    }
  });

  it("says which address is taken, and leaves nothing open then", async () => {
    const holder = createServer().listen(0, ADDRESS);
    scope.defer(() => void holder.close());
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    await expect(createDnsServer({ kernel, bindAddress: ADDRESS, port, network: NETWORK, names })).rejects.toMatchObject({
      code: "SLIPWAY_DNS_ADDRESS_IN_USE",
      message: `the DNS server of network shop_default could not listen on 127.0.0.1, port ${port}`,
    });
    await expect(
      createDnsServer({ kernel, bindAddress: "192.0.2.1", port, network: NETWORK, names }),
    ).rejects.toMatchObject({
      code: "SLIPWAY_DNS_BIND_FAILED",
    });
  });

  it("gives its port back when it is disposed of", async () => {
    const { server } = await start();
    await server[Symbol.asyncDispose]();
    const again = await createDnsServer({ kernel, bindAddress: ADDRESS, port: server.port, network: NETWORK, names });
    expect(again.port).toBe(server.port);
    await again[Symbol.asyncDispose]();
  });
});
