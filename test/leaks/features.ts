import type { SeededRandom } from "./seeded-random.ts";

/** A Compose service under construction. */
export type DraftService = Record<string, unknown>;

/** What features may name. */
export interface Surroundings {
  images: readonly [string, ...string[]];
  /** An existing folder of the host, to bind. */
  folder: string;
  /** A port of the host that a program listens on. */
  takenPort: number;
}

type Give = (service: DraftService, random: SeededRandom, surroundings: Surroundings) => void;

const append = (service: DraftService, key: string, ...values: unknown[]): void => {
  service[key] = [...((service[key] as unknown[] | undefined) ?? []), ...values];
};

/** What a service may have, each with how likely it is. Together they take every kind of thing that a launch takes of the machine. */
export const FEATURES: Readonly<Record<string, { chance: number; give: Give }>> = {
  "two networks": { chance: 0.3, give: (service) => (service.networks = ["front", "back"]) },
  "no network": { chance: 0.1, give: (service) => (service.networks = {}) },
  "a TCP port": { chance: 0.25, give: (service) => append(service, "ports", "127.0.0.1:0:8080") },
  "a UDP port": { chance: 0.15, give: (service) => append(service, "ports", "127.0.0.1:0:8080/udp") },
  "a local volume": { chance: 0.25, give: (service) => append(service, "volumes", "kept:/kept") },
  "a volume in memory": { chance: 0.25, give: (service) => append(service, "volumes", "quick:/quick") },
  "an anonymous volume": { chance: 0.2, give: (service) => append(service, "volumes", "/anonymous") },
  "a bound folder": {
    chance: 0.2,
    give: (service, random, { folder }) =>
      append(service, "volumes", `${folder}:/bound${random.pick(["", ":ro", ":rw,rslave"])}`),
  },
  "a tmpfs": { chance: 0.2, give: (service) => append(service, "tmpfs", "/scratch:size=1m") },
  subjects: {
    chance: 0.2,
    give: (service) => (service["x-slipway"] = { publishes: ["leak.told"], serves: ["leak.asked"] }),
  },
  "a route": {
    chance: 0.15,
    give: (service, random) =>
      (service["x-slipway"] = {
        ...(service["x-slipway"] as object | undefined),
        route: { host: `leak${random.between(0, 1e9)}.test`, port: 8080 },
      }),
  },
  limits: { chance: 0.3, give: (service) => Object.assign(service, { mem_limit: "64m", cpus: 0.5, pids_limit: 40 }) },
  "an init": { chance: 0.3, give: (service) => (service.init = true) },
  "a read-only root": { chance: 0.1, give: (service) => (service.read_only = true) },
  "another user": { chance: 0.2, give: (service) => (service.user = "1000:1000") },
  "fewer capabilities": { chance: 0.1, give: (service) => (service.cap_drop = ["ALL"]) },
  "a health check": {
    chance: 0.25,
    give: (service, random) =>
      (service.healthcheck = {
        test: ["CMD", random.pick(["true", "true", "false"])],
        interval: "200ms",
        start_interval: "50ms",
        start_period: "1s",
        retries: 1,
      }),
  },
  replicas: { chance: 0.2, give: (service, random) => (service.deploy = { replicas: random.between(2, 3) }) },
};

/** Ways in which a launch fails, from its first stage to its last. */
export const FAILURES: Readonly<Record<string, Give>> = {
  "an image that nobody has": (service) => (service.image = "127.0.0.1:1/leaks/absent:1"),
  "an unknown user": (service) => (service.user = "nobody-of-that-name"),
  "a bind mount of nothing": (service, _, { folder }) =>
    append(service, "volumes", {
      type: "bind",
      source: `${folder}/absent`,
      target: "/absent",
      bind: { create_host_path: false },
    }),
  "a folder mounted on a file": (service, _, { folder }) => append(service, "volumes", `${folder}:/etc/passwd`),
  "a taken port": (service, _, { takenPort }) => append(service, "ports", `127.0.0.1:${takenPort}:80`),
  "a command that is not there": (service) => (service.command = ["no-such-command"]),
  "a command that is no program": (service) => (service.command = ["/etc/passwd"]),
  "more memory than it may have": (service) =>
    Object.assign(service, { mem_limit: "8m", command: ["sh", "-c", "x=abcdefgh; while :; do x=$$x$$x; done"] }),
};

/** What a service runs, most often for as long as it is let. `stop` needs at most its grace period. */
export const COMMANDS: readonly [readonly string[], ...(readonly string[])[]] = [
  ["sleep", "1000"],
  ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
  ["sh", "-c", "while :; do echo line; sleep 0.05; done"],
  ["true"],
  ["sh", "-c", "echo out; echo err >&2; exit 3"],
  ["sh", "-c", "sleep 0.1; kill -9 $$$$"],
];
