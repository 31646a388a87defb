import type { CapabilityName } from "../capabilities.ts";
import type { ErrnoName } from "../errno.ts";
import type { Architecture } from "../syscall-numbers.ts";

/** What the kernel does with a call: seccomp(2), "SECCOMP_RET_…". */
export type SeccompAction = "allow" | "kill-process" | { errno: ErrnoName };

/** A seccomp policy as data; `compileSeccomp` makes a filter of it. */
export interface SeccompPolicy {
  /** For a call that exists and that no rule speaks of. */
  defaultAction: SeccompAction;
  /** For a number that is no call, or newer than every call that the policy names: programs then use an older call. */
  unknownCallAction: SeccompAction;
  /** For a call made by another instruction set than the node's own and its 32-bit companions. */
  unknownArchitectureAction: SeccompAction;
  rules: readonly SeccompRule[];
}

/** The first rule decides that names the call, whose `when` holds and whose `arguments` all match. */
export interface SeccompRule {
  /** Names that an instruction set does not have are passed over. */
  names: readonly string[];
  action: SeccompAction;
  arguments?: readonly ArgumentCondition[];
  when?: RuleCondition;
}

/** Decided once, when the filter is made. Every part must hold. */
export interface RuleCondition {
  /** Held in the bounding set. */
  capability?: CapabilityName;
  /** Not held in the bounding set. */
  withoutCapability?: CapabilityName;
  /** The node's own instruction set. */
  architectures?: readonly Architecture[];
}

export type ArgumentOperator = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "masked-eq";

/**
 * Compares an argument, unsigned. `bits` is the width of the kernel's own parameter: it ignores the upper half of a register
 * that holds an `int`, so a filter that looked at it could be talked past with garbage there.
 */
export interface ArgumentCondition {
  index: 0 | 1 | 2 | 3 | 4 | 5;
  operator: ArgumentOperator;
  value: bigint;
  /** For masked-eq: (argument & mask) == value. */
  mask?: bigint;
  bits: 32 | 64;
}
