import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { parse, stringify } from "yaml";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import type { Docker } from "../peers/docker.ts";
import { run } from "../peers/command.ts";

const SHOP = join(PACKAGE_ROOT, "examples/shop");
const IMAGE = "slwbench-host:1";
/** What the image `host` shows of the machine. */
const FROM_HOST = ["/usr", "/etc/alternatives"];
const LINKS = ["bin", "sbin", "lib", "lib64"];

interface Service {
  image: string;
  volumes?: string[];
  environment?: Record<string, string>;
  command?: string[];
  healthcheck?: Record<string, unknown>;
  depends_on?: Record<string, { condition: string }>;
}

/**
 * The same file with what docker needs instead: the host's programs bound into an empty image, nats-server as a service, and checks every 200 ms, since this
 * dockerd knows no start_interval.
 */
export async function writeDockerShop(folder: string, docker: Docker): Promise<string> {
  const file = join(folder, "shop/compose.yaml");
  mkdirSync(join(folder, "shop"));
  await importEmptyImage(folder, docker);
  const shop = parse(readFileSync(join(SHOP, "compose.yaml"), "utf8"), { merge: true }) as {
    services: Record<string, Service>;
  };
  const services = Object.entries(shop.services).map(([name, service]) => [name, translated(service)] as const);
  const nats: Service = {
    image: IMAGE,
    command: ["/nats-server"],
    volumes: [...hostVolumes(), `${join(PACKAGE_ROOT, ".slipway/bin/nats-server")}:/nats-server:ro`],
  };
  writeFileSync(
    file,
    stringify({ name: "shop", services: { ...Object.fromEntries(services), nats }, volumes: { "orders-data": {} } }),
  );
  return file;
}

function translated(service: Service & { "x-slipway"?: unknown }): Service {
  const { "x-slipway": _, ...kept } = service;
  const volumes = (kept.volumes ?? []).map((volume) =>
    volume.startsWith(".") ? volume.replace(/^[^:]+/, (path) => realpathSync(join(SHOP, path))) : volume,
  );
  const node = `${realpathSync(process.execPath)}:/opt/slipway/bin/node:ro`;
  return {
    ...kept,
    image: IMAGE,
    volumes: [...hostVolumes(), node, ...volumes],
    environment: { ...kept.environment, NATS_URL: "nats://nats:4222", NATS_CREDS: "/etc/creds" },
    healthcheck: { ...kept.healthcheck, interval: "200ms", start_interval: undefined },
    depends_on: {
      ...kept.depends_on,
      ...(kept.volumes?.some((volume) => volume.includes("node_modules")) === true
        ? { nats: { condition: "service_started" } }
        : {}),
    },
  };
}

const hostVolumes = (): string[] => FROM_HOST.map((path) => `${path}:${path}:ro`);

async function importEmptyImage(folder: string, docker: Docker): Promise<void> {
  const root = join(folder, "host-root");
  for (const path of ["usr", "etc/alternatives", "opt/slipway/bin", "dev", "proc", "sys", "tmp"])
    mkdirSync(join(root, path), { recursive: true });
  for (const link of LINKS) symlinkSync(`usr/${link}`, join(root, link));
  for (const file of ["nats-server", "opt/slipway/bin/node", "etc/creds"]) writeFileSync(join(root, file), "");
  // This nats-server asks for nothing, but the shop's client reads credentials.
  const seed = new TextDecoder().decode(createUser().getSeed());
  const creds = ["-----BEGIN NATS USER JWT-----", "e30.e30.e30", "------END NATS USER JWT------", ""];
  writeFileSync(
    join(root, "etc/creds"),
    [...creds, "-----BEGIN USER NKEY SEED-----", seed, "------END USER NKEY SEED------", ""].join("\n"),
  );
  const archive = join(folder, "host.tar");
  await run("tar", ["-C", root, "-cf", archive, "."]);
  await docker.cli("import", archive, IMAGE);
}
