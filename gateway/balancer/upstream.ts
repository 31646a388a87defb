import { Agent } from "node:http";
import type { RouteTarget } from "#contracts/route.ts";
import { gatewayError } from "../errors.ts";
import type { GatewaySettings } from "../settings.ts";

/** One request under way at a target; release it when the request has ended, however it did. */
export interface Lease extends Disposable {
  readonly upstream: Upstream;
  /** Aborted, with the cause, when the target has gone and the deadline has passed. */
  readonly signal: AbortSignal;
}

/** One instance's port: its connections and the requests under way. It outlives route tables that name it. */
export class Upstream {
  readonly key: string;
  readonly instanceId: string;
  readonly address: string;
  readonly port: number;
  /** Connections to this target alone, so that nothing of one container can reach another's clients. */
  readonly agent: Agent;
  /** performance.now() until which it is passed over while others are ready. */
  avoidUntil = 0;
  /** In no order. Not a Map: the tables that it outgrows hold on to each other, and to requests that are long over, until the next whole collection. */
  readonly #leases: HeldLease[] = [];
  readonly #onIdle: () => void;
  #deadline: NodeJS.Timeout | undefined;
  #retired = false;

  /** `onIdle` is called whenever the last request under way has ended. */
  constructor(target: RouteTarget, settings: GatewaySettings, onIdle: () => void) {
    this.#onIdle = onIdle;
    this.key = upstreamKey(target);
    this.instanceId = target.instanceId;
    this.address = target.address;
    this.port = target.port;
    // `timeout` ends only idle connections: node destroys a socket in its free list and no other.
    this.agent = new Agent({ keepAlive: true, maxFreeSockets: 256, scheduling: "lifo", timeout: settings.poolIdleMs });
  }

  get outstanding(): number {
    return this.#leases.length;
  }

  begin(): Lease {
    const lease = new HeldLease(this, this.#leases.length, () => this.#end(lease));
    this.#leases.push(lease);
    return lease;
  }

  /** Gives the requests under way this long to end, then aborts them. A later, shorter deadline does not lengthen it. */
  drain(deadlineMs: number): void {
    if (this.#deadline !== undefined || this.outstanding === 0) return;
    this.#deadline = setTimeout(() => this.#abortAll(deadlineMs), deadlineMs);
    this.#deadline.unref();
  }

  /** Back among the ready before its deadline. */
  resume(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** No table names it any more: drains, then closes its connections. */
  retire(deadlineMs: number): void {
    this.#retired = true;
    if (this.outstanding === 0) this.#close();
    else this.drain(deadlineMs);
  }

  /** Aborts what is under way and closes its connections, at the end of the process. */
  close(): void {
    this.#abort(removed("the gateway is ending"));
    this.#close();
  }

  #abortAll(deadlineMs: number): void {
    const reason = `its instance is being removed and the request was not done within ${deadlineMs} milliseconds`;
    this.#abort(removed(reason));
  }

  #abort(reason: Error): void {
    // A copy: who is told may end its lease at once.
    for (const lease of this.#leases.slice()) lease.abort(reason);
  }

  #end(lease: HeldLease): void {
    if (this.#leases[lease.place] !== lease) return;
    const last = this.#leases.pop();
    if (last !== undefined && last !== lease) {
      this.#leases[lease.place] = last;
      last.place = lease.place;
    }
    if (this.outstanding > 0) return;
    this.resume();
    if (this.#retired) this.#close();
    this.#onIdle();
  }

  #close(): void {
    this.resume();
    this.agent.destroy();
  }
}

class HeldLease implements Lease {
  readonly upstream: Upstream;
  /** Among the leases of its upstream. */
  place: number;
  readonly #controller = new AbortController();
  readonly #end: () => void;

  constructor(upstream: Upstream, place: number, end: () => void) {
    this.upstream = upstream;
    this.place = place;
    this.#end = end;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

export function upstreamKey(target: RouteTarget): string {
  return `${target.instanceId}|${target.address}|${target.port}`;
}

function removed(reason: string): Error {
  return gatewayError("SLIPWAY_GATEWAY_TARGET_REMOVED", `the request was ended because ${reason}`);
}
