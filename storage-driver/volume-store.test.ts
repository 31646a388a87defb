import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LocalDriver } from "./local-driver.ts";
import type { Volume, VolumeDriver } from "./volume-driver.ts";
import type { VolumeKey } from "./volume-key.ts";
import { VolumeStore } from "./volume-store.ts";

const KEY: VolumeKey = { project: "shop", volume: "data" };
const SPEC = { name: "data", driver: "local", driverOptions: {}, labels: { tier: "db" } };
const ONE = "111111111111";
const TWO = "222222222222";
const { signal } = new AbortController();

const writes = (instanceId: string) => ({ instanceId, access: "read-write" as const });
const reads = (instanceId: string) => ({ instanceId, access: "read-only" as const });
const failsWith = (code: string, text = "") => ({ code, message: expect.stringContaining(text) });

let root: string;
let drivers: VolumeDriver[];
let problems: VolumeKey[];
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "slipway-store-")), "volumes");
  drivers = [new LocalDriver({ root, canIdmap: async () => true })];
  problems = [];
});
afterEach(() => rm(join(root, ".."), { recursive: true }));

const openStore = (): Promise<VolumeStore> => VolumeStore.open({ root, drivers, onProblem: (key) => problems.push(key) });

/** The local driver, but a named method fails as often as it is told to: a crash in the middle of the store's work. */
class FailingDriver extends LocalDriver {
  readonly failing = new Set<"create" | "attach" | "detach" | "remove">();
  readonly detached: string[] = [];

  #fail(method: "create" | "attach" | "detach" | "remove"): void {
    if (this.failing.has(method)) throw new Error(`${method} failed`);
  }
  override async create(volume: Volume): Promise<void> {
    this.#fail("create");
    await super.create(volume);
  }
  override async attach(volume: Volume) {
    this.#fail("attach");
    return super.attach(volume);
  }
  override async detach(volume?: Volume): Promise<void> {
    this.#fail("detach");
    this.detached.push(volume?.name ?? "");
  }
  override async remove(volume: Volume): Promise<void> {
    await super.remove(volume);
    this.#fail("remove");
  }
}

function useFailingDriver(): FailingDriver {
  const driver = new FailingDriver({ root, canIdmap: async () => true });
  drivers = [driver];
  return driver;
}

describe("a volume", () => {
  it("whose making or removal was cut short leaves no folder behind when the store opens; what somebody put there stays", async () => {
    await (await openStore()).ensure("shop", SPEC, signal);
    await mkdir(join(root, "shop", "unrecorded"));
    await mkdir(join(root, "gone", "unrecorded"), { recursive: true });
    await mkdir(join(root, "foreign", "things", "kept"), { recursive: true });
    await openStore();
    expect(await readdir(root)).toEqual(["foreign", "shop"]);
    expect(await readdir(join(root, "shop"))).toEqual(["data"]);
    expect(await readdir(join(root, "foreign", "things"))).toEqual(["kept"]);
  });

  it("can be listed while the last one of a project is taken away", async () => {
    const store = await openStore();
    for (let round = 0; round < 30; round++) {
      await store.ensure("shop", SPEC, signal);
      await Promise.all([store.remove(KEY, signal), ...Array.from({ length: 10 }, () => store.list())]);
    }
    expect(await store.list()).toEqual([]);
  });

  it("is made once, keeps its data, and lies where nobody but root comes near", async () => {
    const store = await openStore();
    expect(await store.ensure("shop", SPEC, signal)).toBe(true);
    const { path } = await store.attach(KEY, writes(ONE), signal);
    expect(path).toBe(join(root, "shop", "data", "data"));
    await writeFile(join(path, "file"), "kept");
    expect(await (await openStore()).ensure("shop", SPEC, signal)).toBe(false);
    expect(await readFile(join(path, "file"), "utf8")).toBe("kept");
    for (const folder of [root, join(root, "shop"), join(root, "shop", "data")]) {
      expect((await stat(folder)).mode & 0o7777).toBe(0o700);
    }
  });

  it("is refused under a name that climbs, before anything is touched", async () => {
    const store = await openStore();
    const refused = failsWith("SLIPWAY_STORAGE_NAME_INVALID", '"../../etc"');
    await expect(store.ensure("shop", { ...SPEC, name: "../../etc" }, signal)).rejects.toMatchObject(refused);
    const climbing = { project: "shop", volume: "../../etc" };
    await expect(store.remove(climbing, signal)).rejects.toMatchObject(refused);
    await expect(store.inspect(climbing, signal)).rejects.toMatchObject(refused);
    await expect(store.attach(climbing, writes(ONE), signal)).rejects.toMatchObject(refused);
    await expect(store.detach(climbing, ONE, signal)).rejects.toMatchObject(refused);
    expect(await readdir(root)).toEqual([]);
  });

  it("is refused with a driver or an option that there is not", async () => {
    const store = await openStore();
    const unknown = store.ensure("shop", { ...SPEC, driver: "nfs" }, signal);
    await expect(unknown).rejects.toMatchObject(
      failsWith("SLIPWAY_STORAGE_DRIVER_UNKNOWN", "no volume driver nfs; there are local"),
    );
    const option = store.ensure("shop", { ...SPEC, driverOptions: { size: "1g" } }, signal);
    await expect(option).rejects.toMatchObject(
      failsWith("SLIPWAY_STORAGE_OPTION_UNKNOWN", "local has no option size; it has none"),
    );
    expect(await store.list()).toEqual([]);
  });

  it("is not silently another one when its driver changes", async () => {
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    drivers.push(Object.assign(new LocalDriver({ root, canIdmap: async () => true }), { name: "other" }));
    const changed = (await openStore()).ensure("shop", { ...SPEC, driver: "other" }, signal);
    await expect(changed).rejects.toMatchObject(
      failsWith("SLIPWAY_STORAGE_CHANGED", "was made as local and is now asked for as other"),
    );
  });

  it("cannot have the full name of another project's volume", async () => {
    const store = await openStore();
    await store.ensure("a_b", { ...SPEC, name: "c" }, signal);
    const taken = store.ensure("a", { ...SPEC, name: "b_c" }, signal);
    await expect(taken).rejects.toMatchObject(failsWith("SLIPWAY_STORAGE_NAME_TAKEN", "volume c of project a_b"));
    expect(await store.find("a_b_c")).toEqual({ project: "a_b", volume: "c" });
  });
});

describe("the store", () => {
  it("lists and inspects what there is, and says what there is when asked for what is not", async () => {
    const store = await openStore();
    await expect(store.find("shop_data")).rejects.toMatchObject(failsWith("SLIPWAY_STORAGE_NOT_FOUND", "there is none"));
    await store.ensure("shop", SPEC, signal);
    await store.ensure("blog", { ...SPEC, name: "posts" }, signal);
    await store.attach(KEY, reads(ONE), signal);
    expect((await store.list()).map(({ name }) => name)).toEqual(["blog_posts", "shop_data"]);
    expect(await store.list("shop")).toMatchObject([{ name: "shop_data", usedBytes: null, usedBy: [ONE] }]);
    expect(await store.inspect(KEY, signal)).toMatchObject({
      name: "shop_data",
      project: "shop",
      driver: "local",
      path: join(root, "shop", "data", "data"),
      usedBytes: expect.any(Number),
    });
    const absent = failsWith("SLIPWAY_STORAGE_NOT_FOUND", "there is no volume shop_cache; there are blog_posts, shop_data");
    await expect(store.find("shop_cache")).rejects.toMatchObject(absent);
    await expect(store.attach({ ...KEY, volume: "cache" }, writes(ONE), signal)).rejects.toMatchObject(absent);
  });

  it("does not say what a volume takes when counting that takes too long, and then nobody waits for it", async () => {
    class EndlessDriver extends LocalDriver {
      override async stats(_volume: Volume, limit: AbortSignal): Promise<never> {
        return new Promise((_, reject) => limit.addEventListener("abort", () => reject(limit.reason as Error)));
      }
    }
    drivers = [new EndlessDriver({ root, canIdmap: async () => true })];
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    expect(await store.inspect(KEY, signal)).toMatchObject({ name: "shop_data", usedBytes: null });
    await expect(store.inspect(KEY, AbortSignal.timeout(10))).rejects.toMatchObject({ name: "TimeoutError" });
    // Who gave up before the counting began.
    await expect(store.inspect(KEY, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  });

  it("removes what is named and nothing else, files that it did not put there included", async () => {
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await store.ensure("shop", { ...SPEC, name: "cache" }, signal);
    await store.remove({ project: "shop", volume: "cache" }, signal);
    expect(await readdir(join(root, "shop"))).toEqual(["data"]);
    await writeFile(join(root, "shop", "data", "note"), "mine");
    await store.remove(KEY, signal);
    expect(await readdir(join(root, "shop", "data"))).toEqual(["note"]);
    await rm(join(root, "shop", "data", "note"));
    await store.ensure("shop", SPEC, signal);
    await store.remove(KEY, signal);
    expect(await readdir(root)).toEqual([]);
    await expect(store.remove(KEY, signal)).rejects.toMatchObject(failsWith("SLIPWAY_STORAGE_NOT_FOUND"));
  });

  it("passes over a damaged record, leaves its data alone, and says so", async () => {
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await store.ensure("blog", SPEC, signal);
    await store.attach({ project: "blog", volume: "data" }, writes(ONE), signal);
    await writeFile(join(root, "shop", "data", "volume.json"), '{"format":1');
    expect((await store.list()).map(({ name }) => name)).toEqual(["blog_data"]);
    await store.retainLeases(new Set(), signal);
    expect((await store.list())[0]?.usedBy).toEqual([]);
    expect(problems).toEqual([KEY, KEY, KEY]);
    const damaged = failsWith("SLIPWAY_STORAGE_RECORD_INVALID", join(root, "shop", "data", "volume.json"));
    await expect(store.ensure("shop", SPEC, signal)).rejects.toMatchObject(damaged);
    await expect(store.remove(KEY, signal)).rejects.toMatchObject(damaged);
    expect(existsSync(join(root, "shop", "data", "data"))).toBe(true);
  });

  it("does one thing at a time with a volume, and different volumes side by side", async () => {
    const store = await openStore();
    const ids = Array.from({ length: 8 }, (_, index) => index.toString(16).padStart(12, "0"));
    const made = await Promise.all(ids.map(() => store.ensure("shop", SPEC, signal)));
    expect(made.filter(Boolean)).toHaveLength(1);
    await Promise.all(ids.map((id) => store.attach(KEY, writes(id), signal)));
    expect((await store.list())[0]?.usedBy.toSorted()).toEqual(ids);
    await Promise.all(ids.map((id) => store.detach(KEY, id, signal)));
    const others = ids.map((id) => ({ ...SPEC, name: `v${id}` }));
    await Promise.all(others.map((spec) => store.ensure("shop", spec, signal)));
    await Promise.all(
      [...others, SPEC].map(async ({ name }) => {
        await store.remove({ project: "shop", volume: name }, signal);
        await store.ensure("shop", { ...SPEC, name: `${name}-again` }, signal);
      }),
    );
    expect(await store.list("shop")).toHaveLength(9);
  });
});

describe("a lease", () => {
  it("keeps a volume from being removed, also after a restart, until its instance lets go or is gone", async () => {
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await store.attach(KEY, writes(ONE), signal);
    await store.attach(KEY, writes(ONE), signal);
    await store.attach(KEY, writes(TWO), signal);
    const again = await openStore();
    await expect(again.remove(KEY, signal)).rejects.toMatchObject(
      failsWith("SLIPWAY_STORAGE_IN_USE", `it is used by ${ONE}, ${TWO}`),
    );
    await again.detach(KEY, ONE, signal);
    await again.detach(KEY, ONE, signal);
    expect((await again.list())[0]?.usedBy).toEqual([TWO]);
    await again.retainLeases(new Set([ONE]), signal);
    await again.remove(KEY, signal);
    await again.detach(KEY, ONE, signal);
  });

  it("is the driver's to let go of when it is the last", async () => {
    const driver = useFailingDriver();
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await store.attach(KEY, writes(ONE), signal);
    await store.attach(KEY, writes(TWO), signal);
    await store.detach(KEY, ONE, signal);
    expect(driver.detached).toEqual([]);
    driver.failing.add("detach");
    await expect(store.detach(KEY, TWO, signal)).rejects.toThrow("detach failed");
    expect((await store.list())[0]?.usedBy).toEqual([TWO]);
    driver.failing.clear();
    await store.detach(KEY, TWO, signal);
    expect(driver.detached).toEqual(["shop_data"]);
  });

  it("is not given when the driver cannot attach", async () => {
    const driver = useFailingDriver();
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    driver.failing.add("attach");
    await expect(store.attach(KEY, writes(ONE), signal)).rejects.toThrow("attach failed");
    expect((await store.list())[0]?.usedBy).toEqual([]);
  });

  it("allows one writer and any reader where the driver says so, and the writer again", async () => {
    const driver = useFailingDriver();
    driver.capabilities = async () => ({
      sharing: "one-writer",
      persistent: true,
      sizeLimit: false,
      idmap: { supported: true },
    });
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await store.attach(KEY, writes(ONE), signal);
    await store.attach(KEY, writes(ONE), signal);
    await store.attach(KEY, reads(ONE), signal);
    await store.attach(KEY, reads(TWO), signal);
    await expect(store.attach(KEY, writes(TWO), signal)).rejects.toMatchObject(
      failsWith("SLIPWAY_STORAGE_ONE_WRITER", `is written by ${ONE}`),
    );
    await store.detach(KEY, ONE, signal);
    await store.attach(KEY, writes(TWO), signal);
    expect((await store.list())[0]?.usedBy).toEqual([TWO]);
  });
});

describe("after a crash", () => {
  it("in the middle of making a volume, the next look completes it", async () => {
    const driver = useFailingDriver();
    driver.failing.add("create");
    await expect((await openStore()).ensure("shop", SPEC, signal)).rejects.toThrow("create failed");
    driver.failing.clear();
    const { path } = await (await openStore()).attach(KEY, writes(ONE), signal);
    expect(existsSync(path)).toBe(true);
  });

  it("in the middle of a removal, the volume is gone for everyone and the rest of it is removed", async () => {
    const driver = useFailingDriver();
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    driver.failing.add("remove");
    await expect(store.remove(KEY, signal)).rejects.toThrow("remove failed");
    driver.failing.clear();
    const again = await openStore();
    expect(await again.list()).toEqual([]);
    await expect(again.attach(KEY, writes(ONE), signal)).rejects.toMatchObject(failsWith("SLIPWAY_STORAGE_NOT_FOUND"));
    expect(await readdir(root)).toEqual([]);
    expect(await again.ensure("shop", SPEC, signal)).toBe(true);
  });

  it("in the middle of writing a record, the old one holds, and nothing of it stays after the removal", async () => {
    const store = await openStore();
    await store.ensure("shop", SPEC, signal);
    await writeFile(join(root, "shop", "data", "volume.json.new"), '{"format":');
    expect(await store.list()).toHaveLength(1);
    await store.remove(KEY, signal);
    expect(await readdir(root)).toEqual([]);
  });

  it("before the record was written, the folder alone is no volume and does not hinder one", async () => {
    const store = await openStore();
    await mkdir(join(root, "shop", "data"), { recursive: true });
    expect(await store.list()).toEqual([]);
    expect(await store.ensure("shop", SPEC, signal)).toBe(true);
  });
});
