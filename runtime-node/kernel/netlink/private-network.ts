import type { Kernel } from "../kernel.ts";
import { RouteSocket } from "./route-socket.ts";

const CLONE_NEWNET = 0x40000000;

/**
 * For tests: moves this thread into a new network namespace for good, its loopback up. Sockets opened and processes started on
 * this thread from now on live there; the namespace goes with the last of them.
 */
export function enterPrivateNetwork(kernel: Kernel): void {
  kernel.call("unshare", CLONE_NEWNET);
  using routes = RouteSocket.open(kernel);
  routes.setLink("lo", { up: true });
}
