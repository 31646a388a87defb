/** Offsets in struct seccomp_data (seccomp(2)): what a filter can look at. */
export const SECCOMP_DATA = {
  number: 0,
  architecture: 4,
  /** The low half of argument n; both supported architectures are little-endian. */
  argumentLow: (index: number): number => 16 + index * 8,
  argumentHigh: (index: number): number => 20 + index * 8,
} as const;

/** BPF_MAXINSNS: what the kernel takes in one program. */
export const BPF_MAX_INSTRUCTIONS = 4096;
const INSTRUCTION_BYTES = 8;
const LONGEST_BRANCH = 255;

/** Classic BPF's operations (include/uapi/linux/bpf_common.h), as far as seccomp accepts and we use them. */
export const BPF = {
  loadWord: 0x20,
  andConstant: 0x54,
  jump: 0x05,
  equal: 0x15,
  greater: 0x25,
  greaterOrEqual: 0x35,
  returnConstant: 0x06,
} as const;

export type BpfTest = "equal" | "greater" | "greaterOrEqual";
export type BpfLabel = symbol;

type Line =
  | { kind: "label"; label: BpfLabel }
  | { kind: "plain"; code: number; constant: number }
  | { kind: "branch"; code: number; constant: number; ifTrue: BpfLabel; ifFalse: BpfLabel; long: boolean };

/**
 * Assembles a classic BPF program (struct sock_filter[]). Jumps go forward only, as the kernel demands. A branch whose target
 * is more than 255 instructions away becomes a short branch over two unconditional jumps.
 */
export class BpfAssembler {
  readonly #lines: Line[] = [];

  label(name: string): BpfLabel {
    return Symbol(name);
  }

  /** The label stands for the next instruction. */
  place(label: BpfLabel): void {
    this.#lines.push({ kind: "label", label });
  }

  load(offset: number): void {
    this.#lines.push({ kind: "plain", code: BPF.loadWord, constant: offset });
  }

  and(mask: number): void {
    this.#lines.push({ kind: "plain", code: BPF.andConstant, constant: mask });
  }

  answer(value: number): void {
    this.#lines.push({ kind: "plain", code: BPF.returnConstant, constant: value });
  }

  branch(test: BpfTest, constant: number, ifTrue: BpfLabel, ifFalse: BpfLabel): void {
    this.#lines.push({ kind: "branch", code: BPF[test], constant, ifTrue, ifFalse, long: false });
  }

  assemble(): Uint8Array {
    let positions = this.#layOut();
    while (this.#lengthen(positions)) positions = this.#layOut();
    const instructions = this.#lines.flatMap((line) => encode(line, positions));
    if (instructions.length > BPF_MAX_INSTRUCTIONS) {
      throw new RangeError(
        `a BPF program of ${instructions.length} instructions: the kernel takes ${BPF_MAX_INSTRUCTIONS}`,
      );
    }
    return Buffer.concat(instructions);
  }

  #layOut(): Positions {
    const positions: Positions = { lines: new Map(), labels: new Map() };
    let next = 0;
    for (const line of this.#lines) {
      positions.lines.set(line, next);
      if (line.kind === "label") positions.labels.set(line.label, next);
      else next += line.kind === "branch" && line.long ? 3 : 1;
    }
    return positions;
  }

  /** Makes long what is out of reach; a longer branch can push others out of reach, so this repeats until none is. */
  #lengthen(positions: Positions): boolean {
    let changed = false;
    for (const line of this.#lines) {
      if (line.kind !== "branch" || line.long) continue;
      const farthest = Math.max(distance(line, line.ifTrue, positions, 0), distance(line, line.ifFalse, positions, 0));
      if (farthest > LONGEST_BRANCH) changed = line.long = true;
    }
    return changed;
  }
}

interface Positions {
  lines: Map<Line, number>;
  labels: Map<BpfLabel, number>;
}

/** Instructions between the one at `offset` within a line and a label. */
function distance(line: Line, label: BpfLabel, positions: Positions, offset: number): number {
  const target = positions.labels.get(label);
  if (target === undefined) throw new Error(`the BPF label ${String(label)} was never placed`);
  const gap = target - (positions.lines.get(line) ?? 0) - offset - 1;
  if (gap < 0) throw new Error(`the BPF label ${String(label)} lies behind its branch`);
  return gap;
}

function encode(line: Line, positions: Positions): Uint8Array[] {
  if (line.kind === "label") return [];
  if (line.kind === "plain") return [instruction(line.code, 0, 0, line.constant)];
  const reach = (label: BpfLabel, offset: number) => distance(line, label, positions, offset);
  if (!line.long) return [instruction(line.code, reach(line.ifTrue, 0), reach(line.ifFalse, 0), line.constant)];
  return [
    instruction(line.code, 0, 1, line.constant),
    instruction(BPF.jump, 0, 0, reach(line.ifTrue, 1)),
    instruction(BPF.jump, 0, 0, reach(line.ifFalse, 2)),
  ];
}

/** struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; } */
function instruction(code: number, ifTrue: number, ifFalse: number, constant: number): Uint8Array {
  const bytes = Buffer.alloc(INSTRUCTION_BYTES);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(constant >>> 0, 4);
  return bytes;
}
