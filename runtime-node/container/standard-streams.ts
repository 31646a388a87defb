import { chownSync, rmSync } from "node:fs";
import { CONSTANTS } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { StdioPaths } from "../launch/container-launch.ts";

const S_IFIFO = 0o010000;
const PIPE_BYTES = 1024 * 1024;

/**
 * The FIFOs behind a container's standard streams. They are named so that the next agent, or the next supervisor, opens them
 * again; until then up to a mebibyte waits in each and the container blocks, and loses nothing.
 */
export function createStreams(kernel: Kernel, paths: StdioPaths, owner: { uid: number; gid: number }): void {
  for (const path of [paths.stdin, paths.stdout, paths.stderr]) {
    if (path === null) continue;
    rmSync(path, { force: true });
    kernel.call("mknodat", CONSTANTS.AT_FDCWD, path, S_IFIFO | 0o600, 0);
    // A program may open /dev/stdout by its path: that is a new open of the FIFO, as the container's user.
    chownSync(path, owner.uid, owner.gid);
  }
}

export function removeStreams(paths: StdioPaths): void {
  for (const path of [paths.stdin, paths.stdout, paths.stderr]) if (path !== null) rmSync(path, { force: true });
}

/** Opens a container's stdin to write to. Its other end must be open: ENXIO otherwise (fifo(7)). */
export function openForWriting(kernel: Kernel, path: string): number {
  const flags = CONSTANTS.O_WRONLY | CONSTANTS.O_NONBLOCK | CONSTANTS.O_CLOEXEC;
  return kernel.call("openat", CONSTANTS.AT_FDCWD, path, flags, 0);
}

/** Opens one of its outputs to read. Some writer must hold the other end, or the first read is an end of file. */
export function openForReading(kernel: Kernel, path: string): number {
  const flags = CONSTANTS.O_RDONLY | CONSTANTS.O_NONBLOCK | CONSTANTS.O_CLOEXEC;
  const fd = kernel.call("openat", CONSTANTS.AT_FDCWD, path, flags, 0);
  // Best effort: an unprivileged user's pipes are limited (pipe(7), pipe-user-pages-soft).
  kernel.attempt("fcntl", fd, CONSTANTS.F_SETPIPE_SZ, PIPE_BYTES);
  return fd;
}
