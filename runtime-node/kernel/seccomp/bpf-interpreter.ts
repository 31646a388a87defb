import { BPF } from "./bpf-assembler.ts";

/** What a filter sees of one call: struct seccomp_data, without the instruction pointer. */
export interface FilteredCall {
  architecture: number;
  number: number;
  arguments?: readonly bigint[];
}

/** Runs a classic BPF program on one call as the kernel would (net/core/filter.c), for tests. Returns the 32-bit answer. */
export function runFilter(program: Uint8Array, call: FilteredCall): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = seccompData(call);
  let accumulator = 0;
  for (let at = 0; at < program.byteLength / 8; at += 1) {
    const operation = code.getUint16(at * 8, true);
    const constant = code.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): number => code.getUint8(at * 8 + (holds ? 2 : 3));
    if (operation === BPF.returnConstant) return constant;
    if (operation === BPF.loadWord) accumulator = data.getUint32(constant, true);
    else if (operation === BPF.andConstant) accumulator = (accumulator & constant) >>> 0;
    else if (operation === BPF.jump) at += constant;
    else if (operation === BPF.equal) at += jump(accumulator === constant);
    else if (operation === BPF.greater) at += jump(accumulator > constant);
    else if (operation === BPF.greaterOrEqual) at += jump(accumulator >= constant);
    else
      throw new Error(`instruction ${at} has operation 0x${operation.toString(16)}, which this interpreter does not know`);
  }
  throw new Error("the program ran off its end");
}

function seccompData(call: FilteredCall): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.architecture, true);
  (call.arguments ?? []).forEach((argument, index) => {
    data.setBigUint64(16 + index * 8, BigInt.asUintN(64, argument), true);
  });
  return data;
}
