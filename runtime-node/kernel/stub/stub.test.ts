import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Architecture } from "../syscall-numbers.ts";
import { STUB_CODE } from "./stub.ts";
import { assemble, assemblerOf } from "./testing/assemble.ts";

describe("the stub's bytes", () => {
  it.for<Architecture>(["x64", "arm64"])("are what stub-%s.S assembles to", (architecture, { skip }) => {
    const assembler = assemblerOf(architecture);
    if (assembler.missing) skip(`${assembler.name} is not installed`);
    const source = join(import.meta.dirname, `stub-${architecture}.S`);
    expect(STUB_CODE[architecture]).toBe(assemble(source, architecture).toString("base64"));
  });
});
