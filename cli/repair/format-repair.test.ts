import { expect, test } from "vitest";
import type { RepairReport } from "#contracts/repair.ts";
import { formatRepair } from "./format-repair.ts";

const link = {
  kind: "link",
  name: "sw1f3a9c07p",
  hash: "1f3a9c07",
  home: "/srv/x",
  ours: "its name begins with sw1f3a9c07",
} as const;
const report = (changes: Partial<RepairReport>): string =>
  formatRepair(
    {
      dryRun: false,
      platforms: [
        { hash: "00000001", home: "/var/lib/slipway", state: "live", because: "a server runs on it (pid 7)" },
        { hash: "00000002", home: "/srv/clean", state: "stopped", because: "nobody holds its home's lock" },
        { hash: "1f3a9c07", home: "/srv/x", state: "gone", because: "its home is not there any more" },
      ],
      leftovers: [],
      ...changes,
    },
    false,
  );

test("what is let be is named with the reason; a platform that has left nothing is not", () => {
  expect(report({})).toBe(
    "/var/lib/slipway is live: a server runs on it (pid 7); let be\nnothing of ours was left behind\n",
  );
});

test("each thing that was removed is named, with what shows that it was ours", () => {
  expect(report({ leftovers: [{ ...link, fate: "removed" }] })).toContain(
    "/srv/x is gone: its home is not there any more\n  ✔ link sw1f3a9c07p — its name begins with sw1f3a9c07\n1 thing removed\n",
  );
});

test("what could not be removed says why, and is counted apart", () => {
  const failed = { ...link, fate: "failed", error: "EBUSY" } as const;
  const text = report({ leftovers: [failed, { ...link, fate: "removed" }] });
  expect(text).toContain("  ✖ link sw1f3a9c07p — its name begins with sw1f3a9c07; it could not be removed: EBUSY\n");
  expect(text).toContain("1 thing removed, 1 not\n");
});

test("a dry run says what is left and how it goes", () => {
  expect(report({ dryRun: true, leftovers: [{ ...link, fate: "found" }] })).toContain(
    "1 thing left behind; without --dry-run they are removed\n",
  );
});

test("a platform whose home nobody knows is named by its hash", () => {
  const platforms = [{ hash: "00000003", home: null, state: "unclear", because: "1 container runs on" }] as const;
  expect(report({ platforms: [...platforms] })).toContain(
    "(home unknown, 00000003) is unclear: 1 container runs on; let be\n",
  );
});
