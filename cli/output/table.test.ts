import { expect, test } from "vitest";
import { formatAge, formatBytes } from "./quantity.ts";
import { type Column, formatTable } from "./table.ts";

const columns: Column<{ name: string; note: string }>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "NOTE", value: ({ note }) => note, flexible: true },
];

test("columns are aligned under their titles, colours not counted", () => {
  const rows = [
    { name: "\u001B[32mweb\u001B[39m", note: "ok" },
    { name: "database", note: "" },
  ];
  expect(formatTable(columns, rows, undefined)).toBe("NAME      NOTE\n\u001B[32mweb\u001B[39m       ok\ndatabase\n");
});

test("on a terminal flexible columns give way to its width, and no others", () => {
  const lines = formatTable(columns, [{ name: "n".repeat(20), note: "x".repeat(60) }], 60).split("\n");
  expect(lines[1]).toBe(`${"n".repeat(20)}  ${"x".repeat(37)}…`);
  expect(formatTable(columns, [{ name: "n".repeat(90), note: "x" }], 60)).toContain("n".repeat(90));
});

test("a cell cannot start a line or move the cursor back", () => {
  expect(formatTable(columns, [{ name: "a\nb\rc", note: "" }], undefined)).toContain("a b c");
});

test("sizes and ages are short", () => {
  expect([0, 999, 1000, 12_345, 999_600, 5e9].map(formatBytes)).toEqual([
    "0B",
    "999B",
    "1.0kB",
    "12.3kB",
    "1.0MB",
    "5.0GB",
  ]);
  const now = Date.parse("2026-01-31T12:00:00Z");
  expect(
    ["2026-01-31T11:59:52Z", "2026-01-31T11:48:00Z", "2026-01-28T12:00:00Z", null].map((time) => formatAge(time, now)),
  ).toEqual(["8s", "12m", "3d", "-"]);
});
