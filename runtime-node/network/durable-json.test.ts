import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Type } from "typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJson, writeJson } from "./durable-json.ts";
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
});
