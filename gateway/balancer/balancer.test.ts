import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RouteTarget } from "#contracts/route.ts";
import { RouteTable, type Route } from "../routes/route-table.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { Balancer } from "./balancer.ts";
import type { Lease, Upstream } from "./upstream.ts";

let balancer: Balancer;

beforeEach(() => {
  balancer = new Balancer({ ...DEFAULT_SETTINGS, maxOutstandingPerTarget: 3, targetDrainMs: 50, avoidMs: 60_000 });
});

afterEach(() => {
  balancer[Symbol.dispose]();
  vi.useRealTimers();
});

function reconcile(...targets: [id: string, state: RouteTarget["state"]][]): Route {
  const table = new RouteTable([
    {
      host: "a.test",
      path: "/",
      project: "p",
      service: "web",
      targets: targets.map(([instanceId, state]) => ({ instanceId, address: "127.0.0.1", port: 1, state })),
    },
  ]);
  balancer.reconcile(table);
  return table.routes[0] as Route;
}

function acquire(route: Route, tried: ReadonlySet<Upstream> = new Set()): Lease {
  const acquired = balancer.acquire(route, tried);
  if (acquired.type !== "lease") throw new Error(acquired.type);
  return acquired.lease;
}

describe("choosing", () => {
  test("idle targets take turns", () => {
    const route = reconcile(["a", "ready"], ["b", "ready"], ["c", "ready"]);
    const chosen = Array.from({ length: 6 }, () => {
      using lease = acquire(route);
      return lease.upstream.instanceId;
    });
    expect(chosen.join("")).toBe("abcabc");
  });

  test("the target with the fewest requests under way is next", () => {
    const route = reconcile(["a", "ready"], ["b", "ready"]);
    const [first, second, third] = [acquire(route), acquire(route), acquire(route)];
    second[Symbol.dispose]();
    expect([first, second, third].map((lease) => lease.upstream.instanceId).join("")).toBe("aba");
    expect(acquire(route).upstream.instanceId).toBe("b");
    expect(acquire(route).upstream.instanceId).toBe("b");
  });

  test("unhealthy and draining targets get nothing", () => {
    const route = reconcile(["a", "unhealthy"], ["b", "draining"], ["c", "ready"]);
    for (let index = 0; index < 3; index += 1) expect(acquire(route).upstream.instanceId).toBe("c");
  });

  test("a route without a ready target has none, one whose targets are busy is full", () => {
    expect(balancer.acquire(reconcile(["a", "unhealthy"]), new Set())).toEqual({ type: "none" });
    const route = reconcile(["a", "ready"]);
    for (let index = 0; index < 3; index += 1) acquire(route);
    expect(balancer.acquire(route, new Set())).toEqual({ type: "full" });
  });

  test("a target that refused a connection comes last, and is still better than none", () => {
    const route = reconcile(["a", "ready"], ["b", "ready"]);
    balancer.avoid(acquire(route).upstream);
    expect([acquire(route), acquire(route)].map((lease) => lease.upstream.instanceId)).toEqual(["b", "b"]);
    expect(acquire(route).upstream.instanceId).toBe("b");
    expect(acquire(route).upstream.instanceId).toBe("a");
  });

  test("a target that was tried is not tried again", () => {
    const route = reconcile(["a", "ready"], ["b", "ready"]);
    const { upstream } = acquire(route);
    for (let count = 0; count < 3; count += 1) expect(acquire(route, new Set([upstream])).upstream).not.toBe(upstream);
  });
});

describe("following the table", () => {
  test("a target that stays keeps its connections and its count", () => {
    const before = acquire(reconcile(["a", "ready"]));
    const after = acquire(reconcile(["a", "ready"], ["b", "unhealthy"]));
    expect(after.upstream).toBe(before.upstream);
    expect(after.upstream.outstanding).toBe(2);
  });

  test("what is under way at a draining target is aborted at the deadline, not before", () => {
    vi.useFakeTimers();
    const lease = acquire(reconcile(["a", "ready"]));
    reconcile(["a", "draining"]);
    vi.advanceTimersByTime(49);
    expect(lease.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(lease.signal.reason).toMatchObject({ code: "SLIPWAY_GATEWAY_TARGET_REMOVED" });
  });

  test("a later table does not give a draining target more time", () => {
    vi.useFakeTimers();
    const lease = acquire(reconcile(["a", "ready"]));
    reconcile(["a", "draining"]);
    vi.advanceTimersByTime(30);
    reconcile(["a", "draining"], ["b", "ready"]);
    reconcile(["b", "ready"]);
    vi.advanceTimersByTime(20);
    expect(lease.signal.aborted).toBe(true);
  });

  test("a target that is ready again before its deadline keeps what is under way", () => {
    vi.useFakeTimers();
    const lease = acquire(reconcile(["a", "ready"]));
    reconcile(["a", "draining"]);
    reconcile(["a", "ready"]);
    vi.advanceTimersByTime(1_000);
    expect(lease.signal.aborted).toBe(false);
  });

  test("a route that is gone has no target", () => {
    const route = reconcile(["a", "ready"]);
    balancer.reconcile(RouteTable.empty);
    expect(balancer.acquire(route, new Set())).toEqual({ type: "none" });
  });
});

describe("waiting for an instance", () => {
  test("ends when its last request has, at whichever of its ports, gone from the table or not", async () => {
    const route = reconcile(["a", "ready"], ["b", "ready"]);
    const [first, , last] = [acquire(route), acquire(route), acquire(route)];
    reconcile(["b", "ready"]);
    const { signal } = new AbortController();
    let idle = false;
    const waiting = balancer.untilIdle("a", signal).then(() => (idle = true));
    first[Symbol.dispose]();
    await balancer.untilIdle("c", signal);
    expect(idle).toBe(false);
    last[Symbol.dispose]();
    await waiting;
  });

  test("ends with the signal", async () => {
    acquire(reconcile(["a", "ready"]));
    const reason = new Error("enough");
    await expect(balancer.untilIdle("a", AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
