import { expect, test } from "vitest";
import { assembleDeviceProgram, type DeviceRule } from "./device-program.ts";

const MNT = { block: 1, character: 2 } as const;
const BITS = { m: 1, r: 2, w: 4 } as const;

/** What the kernel would answer: the eight instructions that are used, on 64-bit registers. */
function run(
  program: Uint8Array,
  type: keyof typeof MNT,
  major: number,
  minor: number,
  access: (keyof typeof BITS)[],
): number {
  const requested = access.reduce((bits, letter) => bits | BITS[letter], 0);
  const context = new Uint32Array([(requested << 16) | MNT[type], major, minor]);
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers = Array<number>(11).fill(0);
  for (let at = 0; ; at++) {
    const code = view.getUint8(at * 8);
    const [target, source] = [view.getUint8(at * 8 + 1) & 0xf, view.getUint8(at * 8 + 1) >> 4];
    const [offset, constant] = [view.getInt16(at * 8 + 2, true), view.getInt32(at * 8 + 4, true)];
    if (code === 0x61) registers[target] = context[offset / 4]!;
    else if (code === 0xbc) registers[target] = registers[source]!;
    else if (code === 0x54) registers[target] = (registers[target]! & constant) >>> 0;
    else if (code === 0x74) registers[target] = registers[target]! >>> constant;
    else if (code === 0xb7) registers[target] = constant;
    else if (code === 0x5d) at += registers[target] === registers[source] ? 0 : offset;
    else if (code === 0x55) at += registers[target] === constant ? 0 : offset;
    else if (code === 0x95) return registers[0]!;
    else throw new Error(`no instruction ${code}`);
  }
}

const rules: DeviceRule[] = [
  { type: "character", major: 1, minor: 3, access: "rwm" },
  { type: "character", major: 136, minor: null, access: "rw" },
  { type: "block", major: null, minor: null, access: "m" },
];

test.each([
  ["character", 1, 3, ["r", "w"], 1],
  ["character", 1, 3, ["r", "w", "m"], 1],
  ["character", 1, 4, ["r"], 0],
  ["character", 136, 70_000, ["r"], 1],
  ["character", 136, 0, ["m"], 0],
  ["character", 136, 0, ["r", "m"], 0],
  ["block", 1, 3, ["r"], 0],
  ["block", 254, 0, ["m"], 1],
  ["block", 254, 0, ["w"], 0],
] as const)("of %s device %i:%i, %j is answered with %i", (type, major, minor, access, answer) => {
  expect(run(assembleDeviceProgram(rules), type, major, minor, [...access])).toBe(answer);
});

test("without rules nothing is allowed", () => {
  expect(run(assembleDeviceProgram([]), "character", 1, 3, ["r"])).toBe(0);
});
