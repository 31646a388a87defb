/** The names along a circle, the first again at the end; undefined when there is none. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const start of edges.keys()) {
    const cycle = walk(start, edges, done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Depth first, with a path of its own instead of recursion: a file may name thousands of services in a row. */
function walk(start: string, edges: ReadonlyMap<string, readonly string[]>, done: Set<string>): string[] | undefined {
  const path: { name: string; next: number }[] = [{ name: start, next: 0 }];
  const onPath = new Map([[start, 0]]);
  while (path.length > 0) {
    const top = path.at(-1)!;
    const target = done.has(top.name) ? undefined : edges.get(top.name)?.[top.next++];
    if (target === undefined) {
      done.add(top.name);
      onPath.delete(top.name);
      path.pop();
      continue;
    }
    const at = onPath.get(target);
    if (at !== undefined) return [...path.slice(at).map(({ name }) => name), target];
    onPath.set(target, path.length);
    path.push({ name: target, next: 0 });
  }
  return undefined;
}
