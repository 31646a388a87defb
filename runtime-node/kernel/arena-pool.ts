import { Arena } from "./arena.ts";

/** Room for the plan of a container with a few mounts. */
const KEPT_BYTES = 256 * 1024;
const MOST_KEPT = 8;

/** Arenas of ended launches: mapping one, and the page faults of its first use, cost as much as writing a plan into it. */
const kept: Arena[] = [];

/** An arena of zeros, at least this large; {@link giveBackArena} ends it. */
export function takeArena(byteLength: number): Arena {
  if (byteLength > KEPT_BYTES) return new Arena(Math.ceil(byteLength / 4096) * 4096);
  return kept.pop() ?? new Arena(KEPT_BYTES);
}

/** For what nothing reads any more, neither here nor in a child. What is kept holds nothing of its launch: an environment has secrets. */
export function giveBackArena(arena: Arena): void {
  if (arena.byteLength !== KEPT_BYTES || kept.length === MOST_KEPT) return arena[Symbol.dispose]();
  arena.clear();
  kept.push(arena);
}
