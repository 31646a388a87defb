import { readFile } from "node:fs/promises";
import { Type } from "typebox";
import { parse } from "#contracts/parse.ts";
import { RouteEntry } from "#contracts/route.ts";
import { removeUnfinished, writeFileAtomically } from "../durable-file.ts";
import { errorFields, type Log } from "../log.ts";
import type { RouteStore } from "./route-store.ts";
import { RouteTable } from "./route-table.ts";

const CachedRoutes = Type.Array(RouteEntry);

/**
 * Fills an empty store with what the last gateway knew, so that it serves while NATS is away. A file that does not parse is passed over; one that
 * the last gateway was killed at is removed.
 */
export async function restoreRoutes(path: string, store: RouteStore, log: Log): Promise<void> {
  try {
    await removeUnfinished(path);
    const entries = parse(CachedRoutes, JSON.parse(await readFile(path, "utf8")), path);
    store.replace(new RouteTable(entries), "cached");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    log("warn", `passed over the cached routes in ${path}`, errorFields(error));
  }
}

/** Writes each live table to the file, one write at a time, the newest last. Disposal waits for the last write. */
export function cacheRoutes(path: string, store: RouteStore, log: Log): AsyncDisposable {
  let latest: RouteTable | undefined;
  let writing: Promise<void> | undefined;
  const writeAll = async (): Promise<void> => {
    while (latest !== undefined) {
      const content = JSON.stringify(latest.routes.map(({ key: _key, ...entry }) => entry));
      latest = undefined;
      await writeFileAtomically(path, content, 0o600).catch((error: unknown) =>
        log("warn", `could not cache the routes in ${path}`, errorFields(error)),
      );
    }
    writing = undefined;
  };
  const subscription = store.subscribe((table) => {
    if (store.origin !== "live") return;
    latest = table;
    writing ??= writeAll();
  });
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await writing;
    },
  };
}
