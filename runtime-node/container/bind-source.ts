import { constants, type Stats } from "node:fs";
import { type FileHandle, mkdir, open, readlink } from "node:fs/promises";
import { join } from "node:path/posix";
import { CONSTANTS } from "#kernel/constants.ts";
import { containerError } from "./errors.ts";
import type { ExposedDirectories } from "./exposed-directories.ts";

/** path_resolution(7): as many links as the kernel follows. */
const MOST_LINKS = 40;
/** What is wrong with the path, and not with this process or the disk. */
const NOT_THERE = ["ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG"];
const ENTRY = CONSTANTS.O_PATH | constants.O_NOFOLLOW;

/** A path of the host without a symbolic link in it, and what is there. */
export interface BindSource {
  path: string;
  stat: Stats;
}

export interface BindRequest {
  source: string;
  /** In the container: for messages. */
  target: string;
  /** Make the directories that are missing. */
  createMissing: boolean;
  exposed: ExposedDirectories;
}

/**
 * Finds what a bind mount names. Links are followed as anywhere, except in a directory that containers may write: there one could lead
 * a neighbour's mount, or the same container's next one, to any place of the host. Step by step and by fds, so that nothing
 * renamed meanwhile makes a difference; the launch then opens the path with RESOLVE_NO_SYMLINKS.
 * Throws SLIPWAY_CONTAINER_BIND_SOURCE_MISSING and SLIPWAY_CONTAINER_BIND_SOURCE_LINK.
 */
export async function resolveBindSource(request: BindRequest): Promise<BindSource> {
  const names = parts(request.source);
  let at = "/";
  let links = 0;
  let here = await open("/", ENTRY);
  try {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const next = await enter(here, at, name, request);
      await here.close();
      here = next;
      const stat = await here.stat();
      if (!stat.isSymbolicLink()) {
        at = name === ".." ? join(at, "..") : join(at, name);
        continue;
      }
      if (request.exposed.contains(at)) throw misleading(request, join(at, name));
      if (++links > MOST_LINKS) throw missing(request, new Error("too many links"));
      const to = await readlink(join(at, name));
      names.unshift(...parts(to));
      await here.close();
      if (to.startsWith("/")) at = "/";
      here = await open(at, ENTRY | constants.O_DIRECTORY);
    }
    return { path: at, stat: await here.stat() };
  } finally {
    await here.close();
  }
}

/** One entry of a directory; made when it is missing and may be. */
async function enter(directory: FileHandle, at: string, name: string, request: BindRequest): Promise<FileHandle> {
  const path = `/proc/self/fd/${directory.fd}/${name}`;
  try {
    return await open(path, ENTRY);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (!NOT_THERE.includes(code)) throw cause;
    if (code !== "ENOENT" || !request.createMissing) throw missing(request, cause as Error, join(at, name));
  }
  await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause;
  });
  return open(path, ENTRY);
}

const parts = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

function missing({ source, target }: BindRequest, cause: Error, at = source): Error {
  const where = at === source ? "" : ` (at ${at})`;
  const message = `${source}, to be mounted at ${target}, cannot be read${where}`;
  return containerError("SLIPWAY_CONTAINER_BIND_SOURCE_MISSING", message, { cause });
}

function misleading({ source, target }: BindRequest, link: string): Error {
  const message = `${source}, to be mounted at ${target}, leads through the symbolic link ${link}, which lies in a directory that containers may write`;
  return containerError("SLIPWAY_CONTAINER_BIND_SOURCE_LINK", message);
}
