import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Type } from "typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DurableJson, readJson, writeJson } from "./durable-json.ts";
import { temporaryFolder } from "./test-containers.ts";

const Count = Type.Object({ count: Type.Integer() });
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

describe("a durable JSON file", () => {
  it("comes back as it was written, in a folder made for it, with no temporary file beside it", async () => {
    const path = join(folder.path, "networks", "state.json");
    await writeJson(path, { count: 1 });
    await writeJson(path, { count: 2 });
    expect(await readJson(path, Count)).toEqual({ count: 2 });
    expect(await readdir(join(folder.path, "networks"))).toEqual(["state.json"]);
  });

  it("is undefined before it was written, and an error that names it when it does not hold what it should", async () => {
    const path = join(folder.path, "state.json");
    expect(await readJson(path, Count)).toBeUndefined();
    await writeJson(path, { count: "many" });
    await expect(readJson(path, Count)).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_STATE_UNREADABLE",
      message: expect.stringContaining(`${path}/count`),
    });
  });

  it("holds what was true at each save when that save resolves", async () => {
    const path = join(folder.path, "state.json");
    const state = { count: 0 };
    const file = new DurableJson(path, () => state);
    const saves = Array.from({ length: 20 }, async () => {
      const mine = ++state.count;
      await file.save();
      const stored = JSON.parse(await readFile(path, "utf8")) as { count: number };
      return stored.count >= mine;
    });
    expect(await Promise.all(saves)).toEqual(Array.from({ length: 20 }, () => true));
  });

  it("writes twice for a burst of saves, not once for each", async () => {
    let reads = 0;
    const file = new DurableJson(join(folder.path, "state.json"), () => ({ count: ++reads }));
    await Promise.all(Array.from({ length: 50 }, () => file.save()));
    expect(reads).toBe(2);
  });

  it("fails the save that could not write, and the next one is tried again", async () => {
    const path = join(folder.path, "state.json");
    await mkdir(path);
    const file = new DurableJson(path, () => ({ count: 1 }));
    await expect(file.save()).rejects.toMatchObject({ code: "EISDIR" });
    await expect(file.save()).rejects.toMatchObject({ code: "EISDIR" });
  });
});
