import type { Kernel } from "../kernel.ts";
import {
  addressMessage,
  addRouteMessage,
  type LinkAddress,
  listAddressesMessage,
  listRoutesMessage,
  parseAddress,
  parseRoute,
  type Route,
} from "./address-messages.ts";
import {
  createLinkMessage,
  createVethMessage,
  deleteLinkMessage,
  getLinkMessage,
  type Link,
  type LinkAttributes,
  listLinksMessage,
  parseLink,
  setLinkMessage,
  type VethPeer,
} from "./link-messages.ts";
import { isNetlinkErrno } from "./netlink-error.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

const NETLINK_ROUTE = 0;

/**
 * The links, IPv4 addresses and routes of one network namespace, over rtnetlink(7). Every method is one or two synchronous
 * system calls; refusals are NetlinkErrors with the kernel's own sentence.
 */
export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Speaks for the network namespace that this thread is in now. */
  static open(kernel: Kernel): RouteSocket {
    return new RouteSocket(NetlinkSocket.open(kernel, NETLINK_ROUTE));
  }

  createBridge(attributes: LinkAttributes & { name: string }): void {
    this.#socket.request(createLinkMessage("bridge", attributes));
  }

  /** EOPNOTSUPP where the kernel has no dummy driver. */
  createDummy(attributes: LinkAttributes & { name: string }): void {
    this.#socket.request(createLinkMessage("dummy", attributes));
  }

  /** Both ends in one message: the peer is born in its namespace, under its name. */
  createVeth(near: LinkAttributes & { name: string }, peer: VethPeer): void {
    this.#socket.request(createVethMessage(near, peer));
  }

  setLink(link: number | string, attributes: LinkAttributes): void {
    const index = typeof link === "number" ? link : this.requireLink(link).index;
    this.#socket.request(setLinkMessage(index, String(link), attributes));
  }

  /** False when there is no such link. */
  deleteLink(name: string): boolean {
    try {
      this.#socket.request(deleteLinkMessage(name));
      return true;
    } catch (error) {
      if (isNetlinkErrno(error, "ENODEV")) return false;
      throw error;
    }
  }

  findLink(name: string): Link | undefined {
    try {
      return this.requireLink(name);
    } catch (error) {
      if (isNetlinkErrno(error, "ENODEV")) return undefined;
      throw error;
    }
  }

  /** A NetlinkError with ENODEV when there is no such link. */
  requireLink(name: string): Link {
    return parseLink(this.#socket.get(getLinkMessage(name)));
  }

  listLinks(): Link[] {
    return this.#socket.dump(listLinksMessage()).map(parseLink);
  }

  addAddress(address: LinkAddress): void {
    this.#socket.request(addressMessage("add", address));
  }

  deleteAddress(address: LinkAddress): void {
    this.#socket.request(addressMessage("delete", address));
  }

  listAddresses(): LinkAddress[] {
    return this.#socket.dump(listAddressesMessage()).map(parseAddress);
  }

  addDefaultRoute(gateway: string): void {
    this.addRoute({ destination: "0.0.0.0", prefixLength: 0, gateway, linkIndex: undefined });
  }

  addRoute(route: Route): void {
    this.#socket.request(addRouteMessage(route));
  }

  /** The unicast routes of the main table. */
  listRoutes(): Route[] {
    return this.#socket
      .dump(listRoutesMessage())
      .map(parseRoute)
      .filter((route) => route !== undefined);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
