import { ARCHITECTURE } from "../linux-kernel.ts";
import type { Architecture } from "../syscall-numbers.ts";
import { executable } from "./executable.ts";
import { INIT_CODE } from "./init-code.ts";

/** A process's name is cut at 15 bytes, proc_pid_comm(5). */
export const INIT_NAME = "slipway-init";

/** The file to execute as PID 1: an init that reaps what ends and hands its signals to the command (init-x64.S). */
export function initFile(architecture: Architecture = ARCHITECTURE): Uint8Array {
  return executable(architecture, Buffer.from(INIT_CODE[architecture], "base64"));
}

/**
 * The init's argv for a command: the paths to try for it, an empty string, and its own argv. An empty path is none: execve(2) would say
 * ENOENT to it.
 */
export function initArguments(candidates: readonly string[], argv: readonly string[]): string[] {
  return [INIT_NAME, ...candidates.filter((path) => path !== ""), "", ...argv];
}
