import { describe, expect, it } from "vitest";
import type { IdExtent } from "#kernel/plan/step.ts";
import { chooseIdBase, containerIdMap, IDS_PER_CONTAINER, ownerIdMap } from "./id-map.ts";

const BASE = 0x4000_0000;
/** What an id on disk is in the container, by a mount's map: inside is the disk, outside the host. */
const seen = (extents: readonly IdExtent[], onDisk: number): number | undefined => {
  const extent = extents.find(({ inside, count }) => onDisk >= inside && onDisk < inside + count);
  return extent === undefined ? undefined : extent.outside + onDisk - extent.inside - BASE;
};

describe("a container's ids", () => {
  it("are 65,536 of the host's, which are nobody's there", () => {
    const extents = [{ inside: 0, outside: BASE, count: 65_536 }];
    expect(containerIdMap(BASE)).toEqual({ uid: extents, gid: extents });
  });

  it("are chosen in ranges that never overlap, the lowest free one first", () => {
    const taken = new Set<number>();
    for (let count = 0; count < 100; count++) {
      const base = chooseIdBase(taken) ?? 0;
      expect(base % IDS_PER_CONTAINER).toBe(0);
      expect(taken.has(base)).toBe(false);
      taken.add(base);
    }
    taken.delete(BASE + 5 * IDS_PER_CONTAINER);
    expect(chooseIdBase(taken)).toBe(BASE + 5 * IDS_PER_CONTAINER);
  });

  it("stay below 2^31, and end some day", () => {
    const all = new Set<number>();
    for (let base = chooseIdBase(all); base !== undefined; base = chooseIdBase(new Set([...all].slice(-1)))) {
      if (all.has(base)) break;
      all.add(base);
    }
    const everything = new Set(Array.from({ length: 0x4000 }, (_, index) => BASE + index * IDS_PER_CONTAINER));
    expect(chooseIdBase(everything)).toBeUndefined();
    expect(Math.max(...everything) + IDS_PER_CONTAINER).toBeLessThanOrEqual(2 ** 31);
  });
});

describe("a bind mount's ids", () => {
  it.each([1, 1000, 65_535])("make an owner with id %i the container's root, and keep the others apart", (owner) => {
    const { uid, gid } = ownerIdMap(BASE, { uid: owner, gid: owner });
    expect(gid).toEqual(uid);
    expect(seen(uid, owner)).toBe(0);
    const others = [1, 2, 999, 1001, 65_534, 65_535].filter((id) => id !== owner);
    expect(others.map((id) => seen(uid, id))).toEqual(others);
  });

  it("never let the host's root in, unless it is the owner", () => {
    expect(seen(ownerIdMap(BASE, { uid: 1000, gid: 0 }).uid, 0)).toBeUndefined();
    expect(seen(ownerIdMap(BASE, { uid: 0, gid: 0 }).uid, 0)).toBe(0);
  });

  it("make an owner beyond the container's range its root as well", () => {
    const { uid } = ownerIdMap(BASE, { uid: 200_000, gid: 1 });
    expect([seen(uid, 200_000), seen(uid, 1), seen(uid, 65_535)]).toEqual([0, 1, 65_535]);
  });

  it.each([0, 1, 2, 1000, 65_534, 65_535, 65_536, 200_000])(
    "do not overlap for owner %i, on disk or in the container",
    (owner) => {
      const extents = ownerIdMap(BASE, { uid: owner, gid: owner }).uid;
      for (const side of ["inside", "outside"] as const) {
        const sorted = extents.toSorted((a, b) => a[side] - b[side]);
        sorted.slice(1).forEach((extent, index) => {
          const before = sorted[index];
          expect(extent[side]).toBeGreaterThanOrEqual((before?.[side] ?? 0) + (before?.count ?? 0));
        });
      }
      expect(extents.every(({ outside, count }) => outside >= BASE && outside + count <= BASE + IDS_PER_CONTAINER)).toBe(
        true,
      );
    },
  );
});
