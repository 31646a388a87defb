import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where one platform keeps what. Everything under `home` survives a reboot; `run` is in memory: sockets, mount points, and what ends with the boot. */
export interface HomeLayout {
  home: string;
  /** 8 hex digits of the home's hash: names bridges, cgroups, nft tables and the run folder. */
  hash: string;
  /** /run/slipway/<hash>: short, since a unix socket's path has at most 107 bytes. */
  run: string;
  apiSocket: string;
  supervisorSocket: string;
  upgradeSocket: string;
  /** Which processes of the platform run, with their versions (`ProcessRecord[]`). */
  processes: string;
  keys: string;
  nats: string;
  images: string;
  volumes: string;
  instances: string;
  /** What the next agent must find of an instance, and the next boot need not. */
  runInstances: string;
  networks: string;
  certificates: string;
  logs: string;
  traces: string;
}

export function homeLayout(home: string): HomeLayout {
  const hash = createHash("sha256").update(home).digest("hex").slice(0, 8);
  const run = join("/run/slipway", hash);
  return {
    home,
    hash,
    run,
    apiSocket: join(run, "api.sock"),
    supervisorSocket: join(run, "supervisor.sock"),
    upgradeSocket: join(run, "upgrade.sock"),
    processes: join(run, "processes.json"),
    keys: join(home, "keys"),
    nats: join(home, "nats"),
    images: join(home, "images"),
    volumes: join(home, "volumes"),
    instances: join(home, "instances"),
    runInstances: join(run, "instances"),
    networks: join(home, "networks"),
    certificates: join(home, "certificates"),
    logs: join(home, "logs"),
    traces: join(home, "traces"),
  };
}
