import { randomInt } from "node:crypto";
import packet, { type Answer } from "dns-packet";
import type { NameSource } from "./name-source.ts";
import type { DnsQuery } from "./query.ts";
import { FLAGS, RCODE, type Rcode, readFlags, readId } from "./wire.ts";

/** Short, since an instance may be replaced at any time. */
const TTL_SECONDS = 5;
const SERVICE_NAME = /^_([^.]+)\._(tcp|udp)\.(.+)$/;
const REVERSE_NAME = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;

/** NXDOMAIN: there is no such name. NOERROR without answers: there is, but no record of that type. */
export interface LocalAnswer {
  rcode: Rcode;
  answers: Answer[];
  additionals: Answer[];
}

const NO_SUCH_NAME: LocalAnswer = { rcode: RCODE.NXDOMAIN, answers: [], additionals: [] };
const NO_SUCH_RECORD: LocalAnswer = { rcode: RCODE.NOERROR, answers: [], additionals: [] };

/**
 * What the asker's networks know of a question; undefined when it is the world's to answer. A name of one label never is. Of
 * several networks that know a name the first counts: a resolver asks one server, and takes its "no" for an answer.
 */
export function answerLocally(query: DnsQuery, names: NameSource, networks: readonly string[]): LocalAnswer | undefined {
  const reverse = REVERSE_NAME.exec(query.name);
  if (reverse !== null) {
    const address = reverse.slice(1).toReversed().join(".");
    return answerReverse(
      query,
      firstKnown(networks, (network) => names.reverse(network, address)),
    );
  }
  const service = SERVICE_NAME.exec(query.name);
  if (service !== null) return answerService(query, names, networks, service);
  return answerName(
    query,
    firstKnown(networks, (network) => names.lookup(network, query.name)),
  );
}

/** The first network's that knows it and has something to show for it; nobody healthy is an answer too, but the last one. */
function firstKnown<Known extends { length: number }>(
  networks: readonly string[],
  ask: (network: string) => Known | undefined,
): Known | undefined {
  const known = networks.map(ask).filter((answer) => answer !== undefined);
  return known.find(({ length }) => length > 0) ?? known[0];
}

function answerName(query: DnsQuery, addresses: readonly string[] | undefined): LocalAnswer | undefined {
  if (addresses === undefined) return isSingleLabel(query.name) ? NO_SUCH_NAME : undefined;
  if (!asksFor(query, "A")) return NO_SUCH_RECORD;
  return { ...NO_SUCH_RECORD, answers: rotated(addresses).map((address) => addressRecord(query.question.name, address)) };
}

function answerReverse(query: DnsQuery, name: string | undefined): LocalAnswer | undefined {
  if (name === undefined) return undefined;
  if (!asksFor(query, "PTR")) return NO_SUCH_RECORD;
  return { ...NO_SUCH_RECORD, answers: [{ type: "PTR", name: query.question.name, ttl: TTL_SECONDS, data: name }] };
}

/** RFC 2782: `_<port number or name>._<protocol>.<service>`. */
function answerService(
  query: DnsQuery,
  names: NameSource,
  networks: readonly string[],
  [, port = "", protocol, service = ""]: RegExpExecArray,
): LocalAnswer | undefined {
  const targets = firstKnown(networks, (network) =>
    names.ports(network, service, port, protocol === "udp" ? "udp" : "tcp"),
  );
  if (targets === undefined) {
    const isOurs = isSingleLabel(service) || networks.some((network) => names.lookup(network, service) !== undefined);
    return isOurs ? NO_SUCH_NAME : undefined;
  }
  if (!asksFor(query, "SRV")) return NO_SUCH_RECORD;
  const chosen = rotated(targets);
  return {
    rcode: RCODE.NOERROR,
    answers: chosen.map((target) => ({
      type: "SRV",
      name: query.question.name,
      ttl: TTL_SECONDS,
      data: { port: target.port, target: target.name, priority: 0, weight: 1 },
    })),
    additionals: chosen.map((target) => addressRecord(target.name, target.address)),
  };
}

/** The answer's bytes for this query, whatever their number. */
export function encodeLocalAnswer(query: DnsQuery, local: LocalAnswer): Buffer {
  const recursionDesired = readFlags(query.packet) & FLAGS.recursionDesired;
  return packet.encode({
    type: "response",
    id: readId(query.packet),
    flags: FLAGS.authoritative | FLAGS.recursionAvailable | recursionDesired | local.rcode,
    questions: [query.question],
    answers: local.answers,
    additionals: query.edns ? [...local.additionals, ednsRecord(query.udpBytes)] : local.additionals,
  });
}

function ednsRecord(udpPayloadSize: number): Answer {
  return {
    type: "OPT",
    name: ".",
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

const addressRecord = (name: string, data: string): Answer => ({ type: "A", name, ttl: TTL_SECONDS, data });
const isSingleLabel = (name: string): boolean => name !== "" && !name.includes(".");
const asksFor = (query: DnsQuery, type: "A" | "PTR" | "SRV"): boolean =>
  query.question.type === type || (query.question.type as string) === "ANY";

/** From a random place on, so that clients which take the first spread over all. */
function rotated<Item>(items: readonly Item[]): Item[] {
  const start = items.length < 2 ? 0 : randomInt(items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
