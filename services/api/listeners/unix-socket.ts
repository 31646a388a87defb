import { once } from "node:events";
import { chmod, chown, mkdir, rename, rm, stat } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { apiError } from "../errors.ts";

export interface UnixSocketOptions {
  path: string;
  /** A group whose members may use the API, too; absent: root alone. */
  groupId?: number;
}

/**
 * Listens on a unix socket: who may open it may do everything. It is made under another name with its permissions and then
 * renamed, so that it is never there without them; one that a dead server left is replaced, a live one's is not.
 */
export async function listenOnUnixSocket(server: Server, options: UnixSocketOptions): Promise<AsyncDisposable> {
  const { path, groupId } = options;
  await mkdir(dirname(path), { recursive: true, mode: groupId === undefined ? 0o700 : 0o711 });
  if (await isAnswered(path)) {
    throw apiError("SLIPWAY_API_SOCKET_IN_USE", `another server of this home answers on ${path}`);
  }
  const unfinished = `${path}.${process.pid}`;
  await rm(unfinished, { force: true });
  server.listen(unfinished);
  await once(server, "listening");
  if (groupId !== undefined) await chown(unfinished, 0, groupId);
  await chmod(unfinished, groupId === undefined ? 0o600 : 0o660);
  const { ino } = await stat(unfinished);
  await rename(unfinished, path);
  return { [Symbol.asyncDispose]: () => removeOwn(path, ino) };
}

/** True when a server accepts connections there. */
async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The next server may already have put its own in this place. */
async function removeOwn(path: string, ino: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.ino === ino) await rm(path, { force: true });
}
