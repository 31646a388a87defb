import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProjectSpec } from "../project-spec.ts";
import type { Mount, ServiceSpec } from "../service-spec.ts";
import { parseComposeFile } from "./parse-compose-file.ts";
import { parseDurationMs } from "./quantities.ts";

/** What we compare of docker compose's answer: compose-go 2.16.2's project model as JSON. */
interface Theirs {
  command?: string[] | null;
  entrypoint?: string[] | null;
  environment?: Record<string, string | null>;
  ports?: { host_ip?: string; published?: string; target: number; protocol: string }[];
  volumes?: {
    type: string;
    source?: string;
    target: string;
    read_only?: boolean;
    bind?: object;
    tmpfs?: { size?: string; mode?: number };
  }[];
  networks?: Record<string, { aliases?: string[] } | null>;
  depends_on?: Record<string, { condition: string; required?: boolean; restart?: boolean }>;
  healthcheck?: Record<string, unknown>;
  stop_grace_period?: string;
  [key: string]: unknown;
}

const folder = new URL("fixtures/everything/", import.meta.url).pathname;
const parent = dirname(folder.replace(/\/$/, ""));
const theirs = JSON.parse(readFileSync(`${folder}docker-compose.json`, "utf8").replaceAll("<parent>", parent)) as {
  name: string;
  services: Record<string, Theirs>;
  networks: Record<string, unknown>;
  volumes: Record<string, unknown>;
};
const names = ["web", "db", "migrate"];
let ours: ProjectSpec;
beforeAll(() => {
  ours = parseComposeFile({ path: `${folder}compose.yaml`, environment: { TAG: "9", HOME: "/root" } });
});

describe("docker compose reads the same file to the same", () => {
  test("names of project, services, networks and volumes", () => {
    const keys = (record: object): string[] => Object.keys(record).toSorted();
    expect(ours.name).toBe(theirs.name);
    expect(keys(ours.services)).toEqual(keys(theirs.services));
    expect(keys(ours.networks)).toEqual(keys(theirs.networks));
    expect(keys(ours.volumes)).toEqual(keys(theirs.volumes));
  });

  const cases: [string, (spec: ServiceSpec) => unknown, (service: Theirs) => unknown][] = [
    ["image", ({ image }) => image, ({ image }) => image],
    ["command", ({ command }) => command ?? null, ({ command }) => command],
    ["entrypoint", ({ entrypoint }) => entrypoint ?? null, ({ entrypoint }) => entrypoint],
    ["environment", ({ environment }) => environment, theirEnvironment],
    [
      "ports",
      ourPorts,
      ({ ports }) =>
        ports?.map(
          ({ host_ip, published, target, protocol }) => `${host_ip ?? "0.0.0.0"}:${published ?? 0}:${target}/${protocol}`,
        ) ?? [],
    ],
    ["mounts", ({ mounts }) => mounts.map(ourMount), ({ volumes }) => volumes?.map(theirMount) ?? []],
    ["networks", ourNetworks, theirNetworks],
    ["dependencies", ({ dependsOn }) => dependsOn, theirDependencies],
    ["health check", ({ healthcheck }) => healthcheck?.test, ({ healthcheck }) => healthcheck?.test],
    [
      "stop_grace_period",
      ({ stopGracePeriodMs }) => stopGracePeriodMs,
      (service) => parseDurationMs(service.stop_grace_period ?? "10s"),
    ],
    ["labels", ({ labels }) => labels, ({ labels }) => labels ?? {}],
    ["user", ({ user }) => user, ({ user }) => user],
    ["hostname", ({ hostname }) => hostname, ({ hostname }) => hostname],
    ["working_dir", ({ workingDir }) => workingDir, ({ working_dir }) => working_dir],
    ["container_name", ({ containerName }) => containerName, ({ container_name }) => container_name],
  ];

  test.each(cases)("%s", (_, ourPart, theirPart) => {
    for (const name of names)
      expect({ name, part: ourPart(ours.services[name]!) }).toEqual({ name, part: theirPart(theirs.services[name]!) });
  });

  test("limits and the times of a health check", () => {
    const web = theirs.services.web!;
    expect(ours.services.web!.limits).toEqual({ memoryBytes: Number(web.mem_limit), cpus: web.cpus, pids: web.pids_limit });
    const times = Object.entries(web.healthcheck!).flatMap(([key, value]) =>
      key === "test" || key === "retries" ? [] : [[key, parseDurationMs(value as string)]],
    );
    const { intervalMs, timeoutMs, startPeriodMs, startIntervalMs } = ours.services.web!.healthcheck!;
    expect(Object.fromEntries(times)).toEqual({
      interval: intervalMs,
      timeout: timeoutMs,
      start_period: startPeriodMs,
      start_interval: startIntervalMs,
    });
  });
});

/** A variable without a value in the end is not set in the container. */
function theirEnvironment({ environment = {} }: Theirs): Record<string, string | null> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null));
}

function ourPorts({ ports }: ServiceSpec): string[] {
  return ports.map(({ hostIp, hostPort, containerPort, protocol }) => `${hostIp}:${hostPort}:${containerPort}/${protocol}`);
}

function ourMount(mount: Mount): object {
  if (mount.type === "tmpfs") return { type: mount.type, target: mount.target, size: mount.sizeBytes, mode: mount.mode };
  const source = mount.type === "bind" ? mount.source : mount.volume || undefined;
  return { type: mount.type, source, target: mount.target, readOnly: mount.readOnly };
}

function theirMount({ type, source, target, read_only, tmpfs }: NonNullable<Theirs["volumes"]>[number]): object {
  if (type === "tmpfs") return { type, target, size: Number(tmpfs?.size), mode: tmpfs?.mode };
  return { type, source, target, readOnly: read_only ?? false };
}

function ourNetworks({ networks }: ServiceSpec): object {
  return Object.fromEntries(networks.map(({ name, aliases }) => [name, aliases]));
}

function theirNetworks({ networks = {} }: Theirs): object {
  return Object.fromEntries(Object.entries(networks).map(([name, network]) => [name, network?.aliases ?? []]));
}

function theirDependencies({ depends_on = {} }: Theirs): object {
  const entries = Object.entries(depends_on);
  return Object.fromEntries(
    entries.map(([name, { condition, required = false, restart = false }]) => [name, { condition, required, restart }]),
  );
}
