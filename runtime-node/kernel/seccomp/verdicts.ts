import type { CapabilityName } from "../capabilities.ts";
import type { Architecture } from "../syscall-numbers.ts";
import type { AuditArchitecture } from "./call-numbers.ts";
import type { ArgumentCondition, RuleCondition, SeccompAction, SeccompPolicy, SeccompRule } from "./policy.ts";

/** What a policy says of one call: conditions to try in order, then the action when none matches. */
export interface Verdict {
  cases: readonly { conditions: readonly ArgumentCondition[]; action: SeccompAction }[];
  otherwise: SeccompAction;
}

/** Calls of neighbouring numbers with one verdict: from `start` up to the next run's start. */
export interface Run {
  start: number;
  verdict: Verdict;
}

export interface FilterTarget {
  architecture: Architecture;
  /** The bounding set of the container. */
  capabilities: readonly CapabilityName[];
}

/** A policy's verdicts on every 32-bit call number of one audit architecture, in ascending order, the first at 0. */
export function verdictRuns(policy: SeccompPolicy, target: FilterTarget, audit: AuditArchitecture): Run[] {
  const verdictOf = verdictsByName(policy, target);
  const named = new Set(policy.rules.flatMap((rule) => rule.names));
  const unknown: Verdict = { cases: [], otherwise: policy.unknownCallAction };
  const verdicts = audit.tables.flatMap((table) => {
    const newest = Math.max(...[...table].filter(([name]) => named.has(name)).map(([, number]) => number));
    return [...table].filter(([, number]) => number <= newest).map(([name, number]) => [number, verdictOf(name)] as const);
  });
  return joinRuns(verdicts, unknown);
}

/** Names with the same rules share one verdict object, so that their numbers join into one run. */
function verdictsByName(policy: SeccompPolicy, target: FilterTarget): (name: string) => Verdict {
  const rulesByName = new Map<string, SeccompRule[]>();
  for (const rule of policy.rules.filter((candidate) => holds(candidate.when, target))) {
    for (const name of rule.names) rulesByName.set(name, [...(rulesByName.get(name) ?? []), rule]);
  }
  const shared = new Map<string, Verdict>();
  return (name) => {
    const verdict = judge(rulesByName.get(name) ?? [], policy.defaultAction);
    const key = verdictKey(verdict);
    const existing = shared.get(key) ?? verdict;
    shared.set(key, existing);
    return existing;
  };
}

function judge(rules: readonly SeccompRule[], defaultAction: SeccompAction): Verdict {
  const firstPlain = rules.findIndex((rule) => rule.arguments === undefined);
  const conditional = firstPlain < 0 ? rules : rules.slice(0, firstPlain);
  return {
    cases: conditional.map((rule) => ({ conditions: rule.arguments ?? [], action: rule.action })),
    otherwise: rules[firstPlain]?.action ?? defaultAction,
  };
}

function holds(when: RuleCondition | undefined, target: FilterTarget): boolean {
  if (when === undefined) return true;
  if (when.capability !== undefined && !target.capabilities.includes(when.capability)) return false;
  if (when.withoutCapability !== undefined && target.capabilities.includes(when.withoutCapability)) return false;
  return when.architectures === undefined || when.architectures.includes(target.architecture);
}

function joinRuns(verdicts: readonly (readonly [number, Verdict])[], unknown: Verdict): Run[] {
  const runs: Run[] = [];
  let next = 0;
  const append = (start: number, verdict: Verdict): void => {
    if (runs.at(-1)?.verdict !== verdict) runs.push({ start, verdict });
  };
  for (const [number, verdict] of verdicts.toSorted(([a], [b]) => a - b)) {
    if (number > next) append(next, unknown);
    append(number, verdict);
    next = number + 1;
  }
  append(next, unknown);
  return runs;
}

export function verdictKey(verdict: Verdict): string {
  return JSON.stringify(verdict, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
