import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveBindSource } from "./bind-source.ts";
import { ExposedDirectories } from "./exposed-directories.ts";

let folder: string;
let file: string;
let exposed: ExposedDirectories;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-bind-")));
  file = join(folder, "exposed.json");
  exposed = ExposedDirectories.open(file);
  for (const path of ["shared/inner", "secret/deep", "data"]) mkdirSync(join(folder, path), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const resolve = async (path: string, createMissing = false): Promise<string> =>
  (await resolveBindSource({ source: join(folder, path), target: "/t", createMissing, exposed })).path;
const refused = (code: string) => ({ code: `SLIPWAY_CONTAINER_BIND_SOURCE_${code}` });

describe("the source of a bind mount", () => {
  it("is followed through links that the operator made, absolute, climbing and in a row", async () => {
    symlinkSync(join(folder, "secret"), join(folder, "absolute"));
    symlinkSync("../folderless/../absolute/deep", join(folder, "data/none"));
    symlinkSync("../absolute", join(folder, "data/climbing"));
    expect(await resolve("absolute/deep")).toBe(join(folder, "secret/deep"));
    expect(await resolve("data/climbing/deep/..")).toBe(join(folder, "secret"));
    await expect(resolve("data/none")).rejects.toMatchObject(refused("MISSING"));
  });

  it("may be a file, or a link to one, and says what it is", async () => {
    writeFileSync(join(folder, "secret/file"), "");
    symlinkSync("secret/file", join(folder, "file"));
    const found = await resolveBindSource({ source: join(folder, "file"), target: "/t", createMissing: false, exposed });
    expect({ path: found.path, isFile: found.stat.isFile() }).toEqual({ path: join(folder, "secret/file"), isFile: true });
  });

  it("is made where it is missing and may be, the host's root its owner", async () => {
    await expect(resolve("data/new/deep")).rejects.toMatchObject(refused("MISSING"));
    expect(await resolve("data/new/deep", true)).toBe(join(folder, "data/new/deep"));
    expect(statSync(join(folder, "data/new/deep")).isDirectory()).toBe(true);
  });

  it("ends where links go in a circle", async () => {
    symlinkSync("two", join(folder, "one"));
    symlinkSync("one", join(folder, "two"));
    await expect(resolve("one")).rejects.toMatchObject(refused("MISSING"));
  });
});

describe("in a directory that a container may write", () => {
  beforeEach(() => exposed.add(join(folder, "shared")));

  it("a real directory is a source as any other", async () => {
    expect(await resolve("shared/inner")).toBe(join(folder, "shared/inner"));
    expect(await resolve("shared/inner/new", true)).toBe(join(folder, "shared/inner/new"));
  });

  it.each([
    ["is the source", "shared/trap"],
    ["is on the way", "shared/trap/deep"],
    ["is deep inside", "shared/inner/trap/deep"],
  ])("a link is refused that %s, and nothing is made behind it", async (_title, path) => {
    symlinkSync("../secret", join(folder, "shared/trap"));
    symlinkSync("../../secret", join(folder, "shared/inner/trap"));
    await expect(resolve(path)).rejects.toMatchObject(refused("LINK"));
    await expect(resolve(`${path}/made`, true)).rejects.toMatchObject(refused("LINK"));
    expect(readdirSync(join(folder, "secret"))).toEqual(["deep"]);
    expect(existsSync(join(folder, "secret/deep/made"))).toBe(false);
  });

  it("a link is refused although a link of the operator's leads there", async () => {
    symlinkSync("../secret", join(folder, "shared/trap"));
    symlinkSync("shared", join(folder, "way"));
    expect(await resolve("way/inner")).toBe(join(folder, "shared/inner"));
    await expect(resolve("way/trap")).rejects.toMatchObject(refused("LINK"));
  });

  it("a directory that is swapped for a link all the time is itself or refused, never what the link names", async () => {
    symlinkSync("../secret", join(folder, "shared/link"));
    mkdirSync(join(folder, "shared/inner/deep"));
    const outcomes = new Set<string>();
    const swap = (from: string, to: string): void => renameSync(join(folder, "shared", from), join(folder, "shared", to));
    for (let round = 0; round < 300; round++) {
      const resolving = resolve("shared/inner/deep").catch((error: { code: string }) => error.code);
      // After more and more of its steps; at once in the first of the twelve.
      for (let turn = 0; turn < round % 12; turn++) await new Promise((done) => setImmediate(done));
      swap("inner", "aside");
      swap("link", "inner");
      outcomes.add(await resolving);
      swap("inner", "link");
      swap("aside", "inner");
    }
    outcomes.add(await resolve("shared/inner/deep"));
    const [itself, link] = [join(folder, "shared/inner/deep"), refused("LINK").code];
    expect([...outcomes]).toEqual(expect.arrayContaining([itself, link]));
    expect([...outcomes].filter((outcome) => ![itself, link, refused("MISSING").code].includes(outcome))).toEqual([]);
  });
});

describe("which directories containers may write", () => {
  it("is known to the next agent, also of containers that are gone", async () => {
    await exposed.add(join(folder, "shared/inner"));
    await exposed.add(join(folder, "shared"));
    const next = ExposedDirectories.open(file);
    expect(
      [join(folder, "shared"), join(folder, "shared/inner/x"), join(folder, "shared2"), folder].map((path) =>
        next.contains(path),
      ),
    ).toEqual([true, true, false, false]);
  });

  it("does not include all of the machine: who was given that needs no trap", async () => {
    await exposed.add("/");
    expect(exposed.contains("/etc")).toBe(false);
  });
});
