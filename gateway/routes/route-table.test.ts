import { describe, expect, test } from "vitest";
import type { RouteEntry } from "#contracts/route.ts";
import { RouteTable } from "./route-table.ts";

function tableOf(...routes: [host: string, path: string][]): RouteTable {
  return new RouteTable(
    routes.map(([host, path]): RouteEntry => ({ host, path, project: "p", service: `${host}${path}`, targets: [] })),
  );
}

describe("a route's path", () => {
  const table = tableOf(["a.test", "/"], ["a.test", "/api"], ["a.test", "/api/v2/"]);

  test.each([
    ["/", "a.test/"],
    ["/api", "a.test/api"],
    ["/api/", "a.test/api"],
    ["/api/v1", "a.test/api"],
    ["/api/v2", "a.test/api/v2/"],
    ["/api/v2/x", "a.test/api/v2/"],
    ["/api/v22", "a.test/api"],
    ["/apiary", "a.test/"],
    ["/API", "a.test/"],
  ])("takes %s by its longest prefix of whole segments", (path, service) => {
    expect(table.match("a.test", path)?.service).toBe(service);
  });

  test("takes nothing outside its prefix", () => {
    expect(tableOf(["a.test", "/api"]).match("a.test", "/apis")).toBeUndefined();
  });
});

describe("a wildcard host", () => {
  const table = tableOf(["*.a.test", "/"], ["www.a.test", "/shop"]);

  test("takes exactly one label more", () => {
    expect(table.match("x.a.test", "/")?.host).toBe("*.a.test");
    expect(table.match("a.test", "/")).toBeUndefined();
    expect(table.match("y.x.a.test", "/")).toBeUndefined();
  });

  test("comes after the exact host, and takes what that leaves", () => {
    expect(table.match("www.a.test", "/shop")?.host).toBe("www.a.test");
    expect(table.match("www.a.test", "/other")?.host).toBe("*.a.test");
  });

  test("gives its names one certificate name", () => {
    expect(table.hostPattern("x.a.test")).toBe("*.a.test");
    expect(table.hostPattern("www.a.test")).toBe("www.a.test");
    expect(table.hostPattern("b.test")).toBeUndefined();
  });
});

test("a host is matched whatever the case it was declared in", () => {
  expect(tableOf(["Shop.Test.", "/"]).match("shop.test", "/")).toBeDefined();
});

test.each(["../../etc/x", "a/b", "*", "*.", "*.*.test", "a b.test", "", "a..b"])(
  "a route whose host is %j is none",
  (host) => {
    expect(tableOf([host, "/"], ["a.test", "/"]).routes.map((route) => route.host)).toEqual(["a.test"]);
  },
);
