import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assemble, assemblerOf } from "../stub/testing/assemble.ts";
import type { Architecture } from "../syscall-numbers.ts";
import { INIT_CODE } from "./init-code.ts";
import { initArguments, initFile } from "./init.ts";

describe("the init's bytes", () => {
  it.for<Architecture>(["x64", "arm64"])("are what init-%s.S assembles to", async (architecture, { skip }) => {
    const assembler = assemblerOf(architecture);
    if (assembler.missing) skip(`${assembler.name} is not installed`);
    const source = join(import.meta.dirname, `init-${architecture}.S`);
    expect(INIT_CODE[architecture]).toBe(assemble(source, architecture).toString("base64"));
  });
});

describe("the init's file", () => {
  it("is a static program with a stack that cannot be executed, as readelf reads it", ({ skip }) => {
    if (assemblerOf("x64").missing) skip("readelf comes with the assembler, which is not installed");
    const folder = mkdtempSync(join(tmpdir(), "slipway-init-"));
    try {
      const path = join(folder, "init");
      for (const [architecture, machine] of [
        ["x64", "X86-64"],
        ["arm64", "AArch64"],
      ] as const) {
        writeFileSync(path, initFile(architecture));
        const report = execFileSync("readelf", ["--file-header", "--program-headers", "--wide", path], {
          encoding: "utf8",
        });
        expect(report).toMatch(new RegExp(`Machine:.*${machine}`));
        expect(report).toMatch(/LOAD .* R E /);
        expect(report).toMatch(/GNU_STACK .* RW /);
        expect(report).not.toContain("INTERP");
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("runs: it hands on the command's output and its exit code", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-init-"));
    try {
      const path = join(folder, "init");
      writeFileSync(path, initFile());
      chmodSync(path, 0o755);
      const [, ...args] = initArguments(["/nowhere/sh", "/bin/sh"], ["sh", "-c", "cat /proc/$PPID/comm; exit 7"]);
      const failure = (() => {
        try {
          return execFileSync(path, args, { encoding: "utf8" });
        } catch (error) {
          return error as { status: number; stdout: string };
        }
      })();
      expect(failure).toMatchObject({ status: 7, stdout: "slipway-init\n" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is named so that ps shows it whole", () => {
    const [name = ""] = initArguments([], []);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(15);
    expect(readFileSync(join(import.meta.dirname, "init-x64.S"), "utf8")).toContain(`.asciz "${name}"`);
  });
});

describe("the init's argv", () => {
  it("has the paths to try, an end, and the command's own argv", () => {
    expect(initArguments(["/a/x", "/b/x"], ["x", "", "y"])).toEqual(["slipway-init", "/a/x", "/b/x", "", "x", "", "y"]);
  });

  it("has no empty path, which would end the list too early", () => {
    expect(initArguments([""], ["x"])).toEqual(["slipway-init", "", "x"]);
  });
});
