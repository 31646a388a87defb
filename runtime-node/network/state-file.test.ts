import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emptyState, type NetworkState } from "./network-state.ts";
import { readState, StateFile, writeState } from "./state-file.ts";
import { placesIn, temporaryFolder } from "./test-containers.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let state: NetworkState;
const places = () => placesIn(folder.path);
const disk = (): string => join(places().directory, "state.json");
const lease = (address: string) => ({ bridge: "b", instanceId: "aaaaaaaaaaaa", address });
/** A machine that was switched off has lost what was in memory. */
const reboot = (): Promise<void> => rm(places().runFolder, { recursive: true });

beforeEach(async () => {
  folder = await temporaryFolder();
  state = emptyState();
});
afterEach(() => folder[Symbol.asyncDispose]());

describe("the state of a node's networks", () => {
  it("is undefined before there was any", async () => {
    expect(await readState(places())).toBeUndefined();
  });

  it("is what was saved last for whoever comes after a kill", async () => {
    await using file = new StateFile(places(), state);
    for (const address of ["10.83.1.2", "10.83.1.3"]) {
      state.leases = [lease(address)];
      file.save();
      expect(await readState(places())).toMatchObject({ leases: [{ address }] });
    }
  });

  it("is on the disk for the next boot when the agent has ended, and is not written after that", async () => {
    const file = new StateFile(places(), state);
    for (const address of ["10.83.1.2", "10.83.1.3", "10.83.1.4"]) {
      state.leases = [lease(address)];
      file.save();
    }
    await file[Symbol.asyncDispose]();
    await reboot();
    expect(await readState(places())).toMatchObject({ leases: [{ address: "10.83.1.4" }] });
  });

  it("follows on the disk without an end, and once more for what changed meanwhile", async () => {
    await using file = new StateFile(places(), state);
    file.save();
    state.leases = [lease("10.83.1.9")];
    file.save();
    await expect.poll(() => readFile(disk(), "utf8").catch(() => ""), { timeout: 10_000 }).toContain("10.83.1.9");
  });

  it("is kept in memory while the disk refuses it", async () => {
    await mkdir(disk(), { recursive: true });
    const file = new StateFile(places(), state);
    state.leases = [lease("10.83.1.2")];
    file.save();
    await file[Symbol.asyncDispose]();
    expect(await readState(places())).toMatchObject({ leases: [{ address: "10.83.1.2" }] });
  });

  it("has both copies after a move to another range", async () => {
    await writeState(places(), { ...state, leases: [lease("10.84.1.2")] });
    await reboot();
    expect(await readState(places())).toMatchObject({ leases: [{ address: "10.84.1.2" }] });
  });
});
