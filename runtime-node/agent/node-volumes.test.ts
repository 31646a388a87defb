import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Assignment } from "#contracts/instance.ts";
import type { VolumeMount } from "#contracts/service-spec.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { LocalDriver } from "#storage-driver/local-driver.ts";
import { VolumeStore } from "#storage-driver/volume-store.ts";
import type { RootImage, VolumeFilling } from "../container/node-services.ts";
import type { LaunchMount } from "../launch/container-launch.ts";
import { EventOutbox } from "./event-outbox.ts";
import { NodeVolumes } from "./node-volumes.ts";

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const [A, B, C] = ["a".repeat(12), "b".repeat(12), "c".repeat(12)] as const;
const CONFIG = {
  user: "",
  env: [],
  workingDir: "",
  entrypoint: [],
  command: [],
  labels: {},
  exposedPorts: [],
  volumes: [],
};

const assignmentOf = (instanceId: string, mounts: Partial<VolumeMount>[]): Assignment =>
  ({
    instanceId,
    project: "shop",
    volumes: {},
    spec: {
      mounts: mounts.map((mount) => ({ type: "volume", volume: "data", target: "/data", readOnly: false, ...mount })),
    },
  }) as unknown as Assignment;

describe.skipIf(!isRoot)("the volumes of an instance (skipped without root)", () => {
  let folder: string;
  let open: () => NodeVolumes;
  let volumes: NodeVolumes;
  let filling: VolumeFilling;

  beforeEach(async () => {
    folder = mkdtempSync(join(process.env["SLIPWAY_TEST_DISK"] ?? tmpdir(), "slipway-volumes-"));
    const layer = join(folder, "layer");
    mkdirSync(join(layer, "data"), { recursive: true });
    for (let index = 0; index < 50; index++) writeFileSync(join(layer, "data", String(index)), "of the image");
    const root = join(folder, "volumes");
    const store = await VolumeStore.open({ root, drivers: [new LocalDriver({ root, canIdmap: async () => true })] });
    open = () => new NodeVolumes(store, new LinuxKernel(), folder, new EventOutbox("here"), signal);
    volumes = open();
    const image: RootImage = { digest: "sha256:0", layers: [{ path: layer, idmapped: true }], mounts: [], config: CONFIG };
    filling = { image, firstLaunch: true };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const attach = (instanceId: string, changes: Partial<VolumeFilling> | null = {}, mount: Partial<VolumeMount> = {}) =>
    volumes.attach(assignmentOf(instanceId, [mount]), changes === null ? null : { ...filling, ...changes }, signal);
  const content = ([mount]: LaunchMount[]): string[] => (mount?.kind === "bind" ? readdirSync(mount.source) : []);

  it("are filled from the image when they are new, for one that only reads as well", async () => {
    expect(content(await attach(A, {}, { readOnly: true }))).toHaveLength(50);
    expect(content(await attach(A, {}, { volume: "" }))).toHaveLength(50);
  });

  it("are whole before the second of two instances that start at once has them", async () => {
    const seen = await Promise.all([A, B, C].map(async (instanceId) => content(await attach(instanceId)).length));
    expect(seen).toEqual([50, 50, 50]);
  });

  it("stay empty when another instance has emptied them, until nobody uses them", async () => {
    const [mount] = await attach(A, null);
    expect(content(await attach(B))).toEqual([]);
    await volumes.detach(B);
    await volumes.detach(A);
    expect(content(await attach(B))).toHaveLength(50);
    expect(mount).toMatchObject({ kind: "bind", target: "/data", idmap: "container" });
  });

  it("are let go of by the next agent when the instance ended while there was none", async () => {
    await attach(A, {}, { volume: "" });
    const next = open();
    await next.detach(A);
    // Refused while anybody uses it.
    await next.removeAnonymous(assignmentOf(A, [{ volume: "" }]));
    expect(readdirSync(join(folder, "volumes"), { recursive: true }).filter((name) => String(name).includes(A))).toEqual(
      [],
    );
  });

  it("stay as an earlier launch of the same instance left them", async () => {
    expect(content(await attach(A, { firstLaunch: false }))).toEqual([]);
  });

  it("get nothing of the host from the image `host`", async () => {
    expect(content(await attach(A, { image: { ...filling.image, digest: null } }))).toEqual([]);
  });

  it("are let go of when one of them could not be had", async () => {
    const mounts = [
      { volume: "one", target: "/one" },
      { volume: "../two", target: "/two" },
    ];
    await expect(volumes.attach(assignmentOf(A, mounts), filling, signal)).rejects.toThrow("is no name for a volume");
    await volumes.detach(A);
    const one = join(folder, "volumes/shop/one");
    expect(statSync(join(one, "data")).isDirectory()).toBe(true);
    const { leases } = JSON.parse(readFileSync(join(one, "volume.json"), "utf8")) as { leases: unknown[] };
    expect(leases).toEqual([]);
  });
});
