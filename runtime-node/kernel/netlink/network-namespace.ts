import type { Kernel } from "../kernel.ts";
import { RouteSocket } from "./route-socket.ts";

const AT_FDCWD = -100;
const O_RDONLY_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;
const OWN_NAMESPACE = "/proc/thread-self/ns/net";

/** A network namespace kept by an fd: it lives as long as the fd, a process, or an interface's peer needs it. */
export interface NetworkNamespace extends Disposable {
  readonly fd: number;
}

/**
 * Runs `work` with this thread inside another network namespace: sockets it opens and /proc/sys/net paths it writes are that
 * namespace's. `work` is synchronous, so that nothing else of this process ever runs there (a namespace is a thread's). If the
 * way back is barred the process aborts: it must not go on in a container's network.
 */
export function inNetworkNamespace<Result>(kernel: Kernel, target: number | string, work: () => Result): Result {
  const home = kernel.call("openat", AT_FDCWD, OWN_NAMESPACE, O_RDONLY_CLOEXEC, 0);
  try {
    return typeof target === "number"
      ? visit(kernel, home, target, work)
      : withFile(kernel, target, (fd) => visit(kernel, home, fd, work));
  } finally {
    kernel.attempt("close", home);
  }
}

/** A route socket of another network namespace, given by an fd or a path such as `/proc/<pid>/ns/net`. */
export function openRouteSocketIn(kernel: Kernel, namespace: number | string): RouteSocket {
  return inNetworkNamespace(kernel, namespace, () => RouteSocket.open(kernel));
}

/** An fd of a process's or a bound network namespace. */
export function openNetworkNamespace(kernel: Kernel, path: string): NetworkNamespace {
  return ownedNamespace(kernel, kernel.call("openat", AT_FDCWD, path, O_RDONLY_CLOEXEC, 0));
}

/** Makes an empty network namespace (its loopback down); this thread stays where it is. */
export function createNetworkNamespace(kernel: Kernel): NetworkNamespace {
  const home = kernel.call("openat", AT_FDCWD, OWN_NAMESPACE, O_RDONLY_CLOEXEC, 0);
  try {
    kernel.call("unshare", CLONE_NEWNET);
    try {
      return openNetworkNamespace(kernel, OWN_NAMESPACE);
    } finally {
      returnTo(kernel, home);
    }
  } finally {
    kernel.attempt("close", home);
  }
}

function visit<Result>(kernel: Kernel, home: number, target: number, work: () => Result): Result {
  kernel.call("setns", target, CLONE_NEWNET);
  try {
    return work();
  } finally {
    returnTo(kernel, home);
  }
}

function returnTo(kernel: Kernel, home: number): void {
  if (kernel.attempt("setns", home, CLONE_NEWNET) !== 0) process.abort();
}

function withFile<Result>(kernel: Kernel, path: string, use: (fd: number) => Result): Result {
  const fd = kernel.call("openat", AT_FDCWD, path, O_RDONLY_CLOEXEC, 0);
  try {
    return use(fd);
  } finally {
    kernel.attempt("close", fd);
  }
}

function ownedNamespace(kernel: Kernel, fd: number): NetworkNamespace {
  let open = true;
  return {
    fd,
    [Symbol.dispose](): void {
      if (open) kernel.attempt("close", fd);
      open = false;
    },
  };
}
