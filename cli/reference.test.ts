import { expect, test } from "vitest";
import { findReference } from "./reference.ts";
import { sampleInstance } from "./testing/samples.ts";

const all = [
  sampleInstance({ instanceId: "aaaaaaaaaaaa", name: "shop-web-1", project: "shop", service: "web" }),
  sampleInstance({ instanceId: "aaaabbbbbbbb", name: "shop-web-2", project: "shop", service: "web" }),
  sampleInstance({ instanceId: "bbbbbbbbbbbb", name: "blog-web-1", project: "blog", service: "web" }),
  sampleInstance({ instanceId: "cccccccccccc", name: "blog-db-1", project: "blog", service: "db" }),
];
const find = (name: string, project?: string): string => findReference(name, all, project).ref;

test("a name is an id, the beginning of one, an instance, or a service", () => {
  expect(find("shop-web-2")).toBe("aaaabbbbbbbb");
  expect(find("cccc")).toBe("cccccccccccc");
  expect(find("blog/web")).toBe("blog/web");
  expect(find("db")).toBe("blog/db");
});

test("a service of several projects is that of the project at hand, or must be told apart", () => {
  expect(find("web", "shop")).toBe("shop/web");
  expect(() => find("web")).toThrow(
    expect.objectContaining({ code: "SLIPWAY_CLI_AMBIGUOUS", message: '"web" may be any of shop/web, blog/web' }),
  );
  expect(() => find("aaaa")).toThrow(expect.objectContaining({ code: "SLIPWAY_CLI_AMBIGUOUS" }));
});

test("what is not there is answered with what is", () => {
  expect(() => find("bd")).toThrow(expect.objectContaining({ code: "SLIPWAY_CLI_NOT_FOUND", remedy: "Did you mean db?" }));
  expect(() => find("bd")).toThrow(/there are: shop-web-1, web/);
  expect(() => findReference("x", [], undefined)).toThrow(/there are no instances/);
});
