import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { type Lease, Upstream } from "./upstream.ts";

const openUpstream = (): Upstream =>
  new Upstream(
    { instanceId: "000000000001", address: "127.0.0.1", port: 1, state: "ready" },
    DEFAULT_SETTINGS,
    () => undefined,
  );

describe("the requests under way at an upstream", () => {
  test("are counted in whatever order they end, each once", () => {
    const upstream = openUpstream();
    const leases = Array.from({ length: 7 }, () => upstream.begin());
    const left = [3, 6, 0, 0, 5, 3, 1].map((index) => {
      leases[index]?.[Symbol.dispose]();
      return upstream.outstanding;
    });
    expect(left).toEqual([6, 5, 4, 4, 3, 3, 2]);
  });

  test("are aborted with it, those and no others", () => {
    const upstream = openUpstream();
    const leases = Array.from({ length: 6 }, () => upstream.begin());
    const ended = [0, 5, 2];
    for (const index of ended) leases[index]?.[Symbol.dispose]();
    leases.push(upstream.begin());
    upstream.close();
    const aborted = (lease: Lease): boolean => lease.signal.aborted;
    expect(leases.map(aborted)).toEqual([false, true, false, true, true, false, true]);
  });
});
