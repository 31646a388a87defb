import { Arena } from "./arena.ts";
import type { Kernel } from "./kernel.ts";

export interface ProcessImage {
  /** Absolute path of the program. */
  path: string;
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Fds that the new program finds open under the same numbers, besides 0, 1 and 2. */
  inherit: readonly number[];
}

const F_GETFD = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const POINTER_BYTES = 8;

/**
 * Becomes another program, execve(2): the pid, the children and the fds of `inherit` stay, all else of this process is gone. Throws a
 * KernelError when the kernel refuses, and the process goes on as it was: Node's own process.execve aborts the process then.
 */
export function replaceProcess(kernel: Kernel, { path, argv, env, inherit }: ProcessImage): never {
  const environment = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  using memory = new Arena(bytesFor([...argv, ...environment]));
  const [argvAddress, envAddress] = [memory.storeStrings(argv), memory.storeStrings(environment)];
  using fds = new DisposableStack();
  for (const fd of [0, 1, 2, ...inherit]) {
    const flags = kernel.attempt("fcntl", fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) === 0) continue;
    kernel.call("fcntl", fd, F_SETFD, 0);
    fds.defer(() => void kernel.attempt("fcntl", fd, F_SETFD, flags));
  }
  kernel.call("execve", path, argvAddress, envAddress);
  throw new Error(`execve of ${path} returned`);
}

function bytesFor(strings: readonly string[]): number {
  const text = strings.reduce((sum, string) => sum + Buffer.byteLength(string) + 1, 0);
  return text + (strings.length + 4) * POINTER_BYTES;
}
