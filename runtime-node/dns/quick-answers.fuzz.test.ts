import packet, { type DecodedPacket } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4Bytes } from "#kernel/netlink/ipv4.ts";
import { check, LIMIT_MS } from "#test/fuzz/check.ts";
import { NameTable, type NetworkEndpoint } from "./name-table.ts";
import { Responder } from "./responder.ts";
import { LARGEST_UDP_BYTES } from "./wire.ts";

const NETWORKS = ["shop_default", "shop_back"] as const;
const ASKERS = ["10.90.0.1", "10.90.0.2", "10.90.0.3", "192.0.2.1"];
const SLOT_START = 5;

const endpoint = fc.record({
  network: fc.constantFrom(...NETWORKS),
  index: fc.integer({ min: 1, max: 45 }),
  service: fc.constantFrom("web", "Web_2", "a.b"),
  healthy: fc.boolean(),
});

const name = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("web", "WEB", "wEb.Shop", "web_2", "www", "a.b", "shop-web-1", "1.0.90.10.in-addr.arpa"),
  },
  fc.constantFrom(
    "_80._tcp.web",
    "unknown",
    "example.org",
    ".",
    "weß",
    "we b",
    "x".repeat(63),
    `${"y".repeat(63)}.`.repeat(3),
  ),
);
/** NSEC3PARAM has a number of its own kind in the codec, UNKNOWN_65280 none at all. */
const type = fc.constantFrom("A", "A", "A", "AAAA", "PTR", "SRV", "ANY", "NSEC3PARAM", "UNKNOWN_65280");
const option = fc.constantFrom([], [], { code: 10, data: Buffer.alloc(8) });
const opt = fc.record({
  udpPayloadSize: fc.constantFrom(0, 400, 512, 700, 1232, 4096),
  flags: fc.constantFrom(0, 0x8000),
  option,
});
const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 });

const query = fc
  .record({
    id: fc.integer({ min: 0, max: 0xffff }),
    // Recursion desired, checking disabled, and what is no flag of a query.
    flags: fc.constantFrom(0, 0x0100, 0x0110, 0x0420, 0x0200, 0x000f, 0x0800),
    name,
    type,
    class: fc.constantFrom("IN", "IN", "IN", "IN", "IN", "CH"),
    opt: fc.option(opt, { freq: 2 }),
    damage: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, damage),
    surplus: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -14, max: 14 })),
  })
  .map(({ id, flags, opt: edns, damage: changes, surplus, ...question }) => {
    const additionals = edns === null ? [] : [{ type: "OPT", name: ".", ...edns, options: [edns.option].flat() }];
    const bytes = packet.encode({
      type: "query",
      id,
      flags,
      questions: [question as never],
      additionals: additionals as never,
    });
    for (const [at, byte] of changes) bytes[at % bytes.byteLength] = byte;
    return surplus < 0 ? bytes.subarray(0, surplus) : Buffer.concat([bytes, Buffer.alloc(surplus)]);
  });
/** Few queries, each asked again and again by several askers, and now and then a change. */
const history = fc.record({
  endpoints: fc.array(endpoint, { minLength: 1, maxLength: 25, size: "max" }),
  queries: fc.array(query, { minLength: 1, maxLength: 4, size: "max" }),
  steps: fc.array(
    fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({ kind: fc.constant("ask" as const), query: fc.nat(), asker: fc.constantFrom(...ASKERS) }),
      },
      fc.record({ kind: fc.constant("add" as const), endpoint }),
      fc.record({ kind: fc.constant("remove" as const), endpoint }),
    ),
    { minLength: 40, maxLength: 120, size: "max" },
  ),
});

test(
  "an answer given the short way is the one that the long way gives, whatever is asked and however the names change",
  async () => {
    let quick = 0;
    const property = fc.asyncProperty(history, async ({ endpoints, queries, steps }) => {
      const names = new NameTable();
      for (const each of endpoints) names.add(endpointOf(each));
      const options = { network: NETWORKS[0], names, onFailure: () => undefined };
      const [long, short] = [new Responder(options), new Responder(options)];
      for (const step of steps) {
        if (step.kind === "add") names.add(endpointOf(step.endpoint));
        else if (step.kind === "remove") names.remove(step.endpoint.network, endpointOf(step.endpoint).instanceId);
        else {
          const bytes = queries[step.query % queries.length]!;
          const answer = inPlace(short, bytes, step.asker);
          if (answer === undefined) short.respond(bytes, { address: step.asker, transport: "udp" });
          else expect(rotationsOf(responseOf(long, bytes, step.asker))).toContain(answer.toString("hex"));
          quick += answer === undefined ? 0 : 1;
        }
      }
    });
    await check(property, { numRuns: 300 });
    expect(quick).toBeGreaterThan(500);
  },
  LIMIT_MS,
);

/** Undefined when the short way leaves it to the long one, the query and all around it being as it was then. */
function inPlace(responder: Responder, bytes: Buffer, asker: string): Buffer | undefined {
  const slots = Buffer.alloc(LARGEST_UDP_BYTES + 2 * SLOT_START, 0xee);
  slots.set(bytes, SLOT_START);
  const before = Buffer.from(slots);
  const sender = ipv4Bytes(asker).readInt32LE();
  const length = responder.answerInPlace(slots, SLOT_START, bytes.byteLength, sender);
  const end = SLOT_START + Math.max(length, bytes.byteLength);
  const around = (all: Buffer): Buffer[] => [all.subarray(0, SLOT_START), all.subarray(end)];
  expect(Buffer.concat(around(slots)).equals(Buffer.concat(around(before)))).toBe(true);
  if (length > 0) return slots.subarray(SLOT_START, SLOT_START + length);
  expect(slots.equals(before)).toBe(true);
  return undefined;
}

function responseOf(responder: Responder, bytes: Buffer, address: string): Buffer {
  const response = responder.respond(bytes, { address, transport: "udp" });
  return response.kind === "answer" ? response.bytes : Buffer.alloc(0);
}

/** The answer beginning with each of its records: which one comes first is left to chance. */
function rotationsOf(bytes: Buffer): string[] {
  const decoded: DecodedPacket = packet.decode(bytes);
  const { answers = [], ...rest } = decoded;
  const starts = answers.length === 0 ? [0] : answers.keys().toArray();
  return starts.map((start) => {
    const rotated = [...answers.slice(start), ...answers.slice(0, start)];
    return packet.encode({ ...rest, answers: rotated }).toString("hex");
  });
}

function endpointOf({
  network,
  index,
  service,
  healthy,
}: {
  network: string;
  index: number;
  service: string;
  healthy: boolean;
}): NetworkEndpoint {
  return {
    network,
    project: "shop",
    instanceId: index.toString(16).padStart(12, "0"),
    instanceName: `shop-web-${index}`,
    service,
    aliases: ["www"],
    address: `10.90.0.${index}`,
    ports: [{ port: 80, protocol: "tcp" }],
    healthy,
  };
}
