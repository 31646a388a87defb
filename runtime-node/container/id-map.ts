import type { IdExtent, IdMap } from "#kernel/plan/step.ts";

/** A container sees 65,536 ids, 0 to 65,535. */
export const IDS_PER_CONTAINER = 65_536;
/** Above what useradd hands out in /etc/subuid, and below 2^31, which some programs take for negative. */
const FIRST_BASE = 0x4000_0000;
const LAST_BASE = 0x7fff_0000;

/** The ids of a container: `inside` as the container sees them, `outside` as the host does. */
export function containerIdMap(base: number): IdMap {
  const extents = [{ inside: 0, outside: base, count: IDS_PER_CONTAINER }];
  return { uid: extents, gid: extents };
}

/**
 * For a bind mount: what the container's root writes belongs to the directory's owner. Other ids stay as they are, shifted;
 * the host's root is not among them unless it is the owner, so a container's user cannot make a file of the host's root.
 */
export function ownerIdMap(base: number, owner: { uid: number; gid: number }): IdMap {
  return { uid: ownerExtents(base, owner.uid), gid: ownerExtents(base, owner.gid) };
}

function ownerExtents(base: number, owner: number): IdExtent[] {
  if (owner === 0) return [{ inside: 0, outside: base, count: IDS_PER_CONTAINER }];
  const extents: IdExtent[] = [{ inside: owner, outside: base, count: 1 }];
  const below = Math.min(owner, IDS_PER_CONTAINER) - 1;
  if (below > 0) extents.push({ inside: 1, outside: base + 1, count: below });
  const above = IDS_PER_CONTAINER - owner - 1;
  if (above > 0) extents.push({ inside: owner + 1, outside: base + owner + 1, count: above });
  return extents;
}

/** The lowest free range's base, or undefined when all are taken. */
export function chooseIdBase(taken: ReadonlySet<number>): number | undefined {
  for (let base = FIRST_BASE; base <= LAST_BASE; base += IDS_PER_CONTAINER) if (!taken.has(base)) return base;
  return undefined;
}
