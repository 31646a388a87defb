import { expect, test } from "vitest";
import type { RouteEntry } from "#contracts/route.ts";
import { RouteLedger } from "./route-ledger.ts";

const route = (service: string): RouteEntry => ({ host: "a.test", path: "/", project: "p", service, targets: [] });
const services = (ledger: RouteLedger): string[] => ledger.entries().map((entry) => entry.service);

test("an older change does not undo a newer one", () => {
  const ledger = new RouteLedger();
  expect(ledger.apply({ type: "put", key: "k", value: route("new"), revision: 7 })).toBe(true);
  expect(ledger.apply({ type: "put", key: "k", value: route("old"), revision: 6 })).toBe(false);
  expect(services(ledger)).toEqual(["new"]);
});

test("a listing removes what it lacks", () => {
  const ledger = new RouteLedger();
  ledger.apply({ type: "put", key: "gone", value: route("gone"), revision: 3 });
  expect(ledger.reconcile([{ key: "k", value: route("kept"), revision: 4 }], ledger.newestRevision)).toBe(true);
  expect(services(ledger)).toEqual(["kept"]);
});

test("a listing does not remove what the watch brought after it was asked for", () => {
  const ledger = new RouteLedger();
  const askedAt = ledger.newestRevision;
  ledger.apply({ type: "put", key: "k", value: route("new"), revision: 9 });
  expect(ledger.reconcile([], askedAt)).toBe(false);
  expect(services(ledger)).toEqual(["new"]);
});

test("a listing does not bring back what the watch saw deleted after it was asked for", () => {
  const ledger = new RouteLedger();
  ledger.apply({ type: "put", key: "k", value: route("old"), revision: 1 });
  const askedAt = ledger.newestRevision;
  ledger.apply({ type: "delete", key: "k", revision: 2 });
  ledger.reconcile([{ key: "k", value: route("old"), revision: 1 }], askedAt);
  expect(services(ledger)).toEqual([]);
});

test("a listing that says nothing new changes nothing", () => {
  const ledger = new RouteLedger();
  ledger.apply({ type: "put", key: "k", value: route("same"), revision: 1 });
  expect(ledger.reconcile([{ key: "k", value: route("same"), revision: 1 }], 1)).toBe(false);
});

test("the newest revision is a deletion's too, of a key that was never here or that a listing has cleared away", () => {
  const ledger = new RouteLedger();
  ledger.reach(4);
  expect(ledger.newestRevision).toBe(4);
  ledger.apply({ type: "put", key: "k", value: route("web"), revision: 5 });
  ledger.apply({ type: "delete", key: "k", revision: 6 });
  ledger.reconcile([], ledger.newestRevision);
  expect([ledger.entries(), ledger.newestRevision]).toEqual([[], 6]);
});
