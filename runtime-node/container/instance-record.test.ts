import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Assignment } from "#contracts/instance.ts";
import { InstanceFolder, type InstancePlaces, type InstanceRecord } from "./instance-record.ts";

const id = "0123456789ab";
let root: string;
let places: InstancePlaces;
let folder: InstanceFolder;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "slipway-record-"));
  places = { instances: join(root, "disk"), runInstances: join(root, "memory") };
  folder = new InstanceFolder(places, id);
  await folder.create();
});
afterEach(() => rmSync(root, { recursive: true }));

function recordOf(idBase: number): InstanceRecord {
  return {
    assignment: { instanceId: id } as Assignment,
    idBase,
    lifecycle: { type: "new" },
    imageDigest: null,
    imageDefaults: {},
    addresses: {},
    ports: [],
    process: null,
  };
}
const known = async (): Promise<number[]> => (await InstanceFolder.readAll(places)).map(({ idBase }) => idBase);
/** A machine that was switched off has lost what was in memory. */
const reboot = (): void => rmSync(places.runInstances, { recursive: true });

test("the next agent finds what was saved last, the next boot what was saved durably last", async () => {
  await folder.saveDurably(recordOf(1));
  folder.save(recordOf(2));
  expect(await known()).toEqual([2]);
  reboot();
  expect(await known()).toEqual([1]);
  folder.save(recordOf(3));
  expect(await known()).toEqual([3]);
});

test("an instance that the disk knows nothing of yet is the next agent's, and no boot's", async () => {
  folder.save(recordOf(1));
  expect(await known()).toEqual([1]);
  reboot();
  expect(await known()).toEqual([]);
  expect(readdirSync(places.instances)).toEqual([]);
});

test("a folder without a record was never begun, wherever it is, and is removed", async () => {
  mkdirSync(join(places.runInstances, "aaaaaaaaaaaa"));
  expect(await known()).toEqual([]);
  expect([...readdirSync(places.instances), ...readdirSync(places.runInstances)]).toEqual([]);
});

test("a record that a power cut has emptied is none", async () => {
  await folder.saveDurably(recordOf(1));
  truncateSync(folder.newestRecord);
  expect(await known()).toEqual([1]);
  truncateSync(folder.record);
  expect(await known()).toEqual([]);
});

test("what was on its way to its name when it was killed is not taken for it", async () => {
  folder.save(recordOf(1));
  writeFileSync(`${folder.newestRecord}.new`, '{"idBase":');
  expect(await known()).toEqual([1]);
});

test("a removed instance has left nothing in either place", async () => {
  await folder.saveDurably(recordOf(1));
  writeFileSync(join(folder.path, "launch.json"), "{}");
  await folder.remove();
  expect([existsSync(folder.path), existsSync(folder.run)]).toEqual([false, false]);
});
