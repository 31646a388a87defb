/** One line of what is allowed, as `devices.allow` of cgroup v1 says it. */
export interface DeviceRule {
  type: "block" | "character";
  /** null: any. */
  major: number | null;
  minor: number | null;
  /** Some of read, write, mknod: `rwm`. */
  access: string;
}

/** struct bpf_cgroup_dev_ctx and its constants, include/uapi/linux/bpf.h. */
const CONTEXT = { accessAndType: 0, major: 4, minor: 8 } as const;
const TYPES = { block: 1, character: 2 } as const;
const ACCESS = [
  ["m", 1],
  ["r", 2],
  ["w", 4],
] as const;
const TYPE_MASK = 0xffff;
const ACCESS_SHIFT = 16;

/** The eBPF instructions that are used, include/uapi/linux/bpf_common.h: class, size or operation, source. */
const CODE = {
  loadWord: 0x61,
  copyWord: 0xbc,
  andConstant: 0x54,
  shiftRightConstant: 0x74,
  setConstant: 0xb7,
  jumpIfNotEqual: 0x5d,
  jumpIfNotConstant: 0x55,
  exit: 0x95,
} as const;

/** Registers: 0 is the answer, 1 the context and later scratch. */
const ANSWER = 0;
const CONTEXT_REGISTER = 1;
const SCRATCH = 1;
const TYPE = 2;
const REQUESTED = 3;
const MAJOR = 4;
const MINOR = 5;

const INSTRUCTION_BYTES = 8;
type Instruction = { code: number; target?: number; source?: number; offset?: number; constant?: number };

/** struct bpf_insn[] that answers 1 when a rule allows everything that is requested, else 0. */
export function assembleDeviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const instructions: Instruction[] = [
    load(TYPE, CONTEXT.accessAndType),
    { code: CODE.andConstant, target: TYPE, constant: TYPE_MASK },
    load(REQUESTED, CONTEXT.accessAndType),
    { code: CODE.shiftRightConstant, target: REQUESTED, constant: ACCESS_SHIFT },
    load(MAJOR, CONTEXT.major),
    load(MINOR, CONTEXT.minor),
    ...rules.flatMap(assembleRule),
    { code: CODE.setConstant, target: ANSWER, constant: 0 },
    { code: CODE.exit },
  ];
  const bytes = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  instructions.forEach(({ code, target = 0, source = 0, offset = 0, constant = 0 }, index) => {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt8(code, at);
    bytes.writeUInt8(target | (source << 4), at + 1);
    bytes.writeInt16LE(offset, at + 2);
    bytes.writeInt32LE(constant, at + 4);
  });
  return bytes;
}

/** Each test that fails jumps behind the rule, to the next. */
function assembleRule({ type, major, minor, access }: DeviceRule): Instruction[] {
  const allowed = ACCESS.reduce((bits, [letter, bit]) => (access.includes(letter) ? bits | bit : bits), 0);
  const tests: Instruction[] = [
    { code: CODE.jumpIfNotConstant, target: TYPE, constant: TYPES[type] },
    { code: CODE.copyWord, target: SCRATCH, source: REQUESTED },
    { code: CODE.andConstant, target: SCRATCH, constant: allowed },
    { code: CODE.jumpIfNotEqual, target: SCRATCH, source: REQUESTED },
    ...(major === null ? [] : [{ code: CODE.jumpIfNotConstant, target: MAJOR, constant: major }]),
    ...(minor === null ? [] : [{ code: CODE.jumpIfNotConstant, target: MINOR, constant: minor }]),
  ];
  const allow: Instruction[] = [{ code: CODE.setConstant, target: ANSWER, constant: 1 }, { code: CODE.exit }];
  const length = tests.length + allow.length;
  const isJump = ({ code }: Instruction): boolean => code === CODE.jumpIfNotConstant || code === CODE.jumpIfNotEqual;
  return [...tests.map((test, index) => (isJump(test) ? { ...test, offset: length - index - 1 } : test)), ...allow];
}

function load(target: number, offset: number): Instruction {
  return { code: CODE.loadWord, target, source: CONTEXT_REGISTER, offset };
}
