import { isIP } from "node:net";
import type { PublishedPort } from "../service-spec.ts";
import type { Located } from "./located.ts";
import type { Section } from "./section.ts";

type Protocol = PublishedPort["protocol"];
interface PortRange {
  first: number;
  last: number;
}

/** `ports`, short and long. @see Compose Specification, "ports" */
export function readPorts(service: Section): PublishedPort[] {
  const value = service.get("ports");
  if (value === undefined) return [];
  if (value.kind === "list") return value.items.flatMap((item) => readPort(service, item));
  service.fail("SLIPWAY_COMPOSE_TYPE", `${service.path}.ports is a list`, value.place);
  return [];
}

function readPort(service: Section, item: Located): PublishedPort[] {
  if (item.kind === "scalar") return service.parsed("ports", item, parsePortShort) ?? [];
  const section = service.asSection(item, `${service.path}.ports[]`);
  return section === undefined ? [] : readPortLong(section);
}

function readPortLong(section: Section): PublishedPort[] {
  const target = section.scalar("target");
  if (target === undefined) {
    section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a target: the container's port`, section.place);
    return [];
  }
  const mode = section.string("mode") ?? "ingress";
  if (mode !== "ingress" && mode !== "host") {
    section.fail(
      "SLIPWAY_COMPOSE_VALUE",
      `${section.path}.mode is host or ingress, not ${JSON.stringify(mode)}`,
      section.placeOf("mode"),
    );
  }
  const published = section.string("published") ?? "";
  const protocol = section.string("protocol") ?? "tcp";
  const parse = (): PublishedPort[] => pair(section.string("host_ip") ?? "", published, target.text, protocol);
  return section.parsed("target", target, parse) ?? [];
}

/**
 * `[[ip:]host:]container[/protocol]`, each a port or a range; `[::1]:80:80` for an address of version 6.
 * @throws RangeError
 */
export function parsePortShort(text: string): PublishedPort[] {
  const [binding, protocol = "tcp", ...more] = text.split("/") as [string, ...string[]];
  const match = /^(?:(?:(\[[^\]]+\]|[^:[\]]*):)?([^:]*):)?([^:]+)$/.exec(binding);
  if (match === null || more.length > 0)
    throw new RangeError(`${JSON.stringify(text)} is no port (as in 8080:80, 127.0.0.1:53:53/udp)`);
  const [, hostIp = "", published = "", target = ""] = match;
  return pair(hostIp.replace(/^\[|\]$/g, ""), published, target, protocol);
}

/** `3000`, `3000-3005`, with `/udp`: ports that other services may reach. @throws RangeError */
export function parseExposed(text: string): { port: number; protocol: Protocol }[] {
  const [range, protocol = "tcp"] = text.split("/") as [string, ...string[]];
  return [...each(parseRange(range, 1))].map((port) => ({ port, protocol: parseProtocol(protocol) }));
}

function pair(hostIp: string, published: string, target: string, protocolName: string): PublishedPort[] {
  if (hostIp !== "" && isIP(hostIp) === 0) throw new RangeError(`${JSON.stringify(hostIp)} is no IP address`);
  const protocol = parseProtocol(protocolName);
  const containers = [...each(parseRange(target, 1))];
  const hosts = published === "" ? containers.map(() => 0) : [...each(parseRange(published, 0))];
  if (hosts.length !== containers.length) {
    throw new RangeError(`${published} is ${hosts.length} host ports for ${containers.length} container ports (${target})`);
  }
  return containers.map((containerPort, index) => ({
    hostIp: hostIp || "0.0.0.0",
    hostPort: hosts[index]!,
    containerPort,
    protocol,
  }));
}

function parseProtocol(text: string): Protocol {
  const name = text.toLowerCase();
  if (name === "tcp" || name === "udp") return name;
  throw new RangeError(`${JSON.stringify(text)} is no protocol of a port (tcp or udp)`);
}

function parseRange(text: string, minimum: 0 | 1): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < minimum || last > 65_535)
    throw new RangeError(`${JSON.stringify(text)} is no port from ${minimum} to 65535`);
  if (last < first) throw new RangeError(`the range of ports ${text} ends before it starts`);
  return { first, last };
}

function* each(range: PortRange): Iterable<number> {
  for (let port = range.first; port <= range.last; port++) yield port;
}
