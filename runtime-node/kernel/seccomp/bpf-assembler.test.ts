import { expect, it } from "vitest";
import { BpfAssembler } from "./bpf-assembler.ts";
import { runFilter } from "./bpf-interpreter.ts";

function skipOver(instructions: number): Uint8Array {
  const program = new BpfAssembler();
  const [near, far, end] = [program.label("near"), program.label("far"), program.label("end")];
  program.load(0);
  program.branch("equal", 7, far, near);
  program.place(near);
  for (let count = 0; count < instructions; count += 1) program.and(0xffffffff);
  program.branch("greater", 7, end, far);
  program.place(far);
  program.answer(1);
  program.place(end);
  program.answer(2);
  return program.assemble();
}

it("jumps to the same place however far away it is", () => {
  for (const gap of [0, 1, 253, 254, 255, 256, 2000]) {
    const program = skipOver(gap);
    const answers = [6, 7, 8].map((number) => runFilter(program, { architecture: 0, number }));
    expect([gap, ...answers]).toEqual([gap, 1, 1, 2]);
  }
});

it("spends two more instructions only on a branch that is out of reach", () => {
  expect(skipOver(254).byteLength / 8).toBe(254 + 5);
  expect(skipOver(255).byteLength / 8).toBe(255 + 7);
});

it("refuses a program longer than the kernel takes, a label never placed and a jump backwards", () => {
  expect(() => skipOver(4096)).toThrow(/the kernel takes 4096/);
  const unplaced = new BpfAssembler();
  unplaced.branch("equal", 0, unplaced.label("nowhere"), unplaced.label("nowhere"));
  expect(() => unplaced.assemble()).toThrow(/nowhere.*never placed/);
  const backwards = new BpfAssembler();
  const start = backwards.label("start");
  backwards.place(start);
  backwards.load(0);
  backwards.branch("equal", 0, start, start);
  expect(() => backwards.assemble()).toThrow(/start.*behind/);
});
