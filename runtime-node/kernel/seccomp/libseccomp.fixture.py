"""Builds with libseccomp the filter of the policy on stdin (JSON) and writes its BPF to stdout; what libseccomp does not know
of the policy's names goes to stderr, one a line."""
import json
import sys

import seccomp

policy = json.load(sys.stdin)


def action(value):
    if value == "allow":
        return seccomp.ALLOW
    return seccomp.KILL_PROCESS if value == "kill-process" else seccomp.ERRNO(value["errno"])


OPERATORS = {
    "eq": seccomp.EQ,
    "ne": seccomp.NE,
    "lt": seccomp.LT,
    "le": seccomp.LE,
    "gt": seccomp.GT,
    "ge": seccomp.GE,
    "masked-eq": seccomp.MASKED_EQ,
}


def comparison(condition):
    operands = [int(condition["value"])]
    if condition["operator"] == "masked-eq":
        operands.insert(0, int(condition["mask"]))
    return seccomp.Arg(condition["index"], OPERATORS[condition["operator"]], *operands)


chosen = seccomp.SyscallFilter(action(policy["defaultAction"]))
chosen.set_attr(seccomp.Attr.ACT_BADARCH, -0x80000000)  # SECCOMP_RET_KILL_PROCESS as the int that the binding takes
for name in policy["architectures"]:
    architecture = getattr(seccomp.Arch, name)
    if not chosen.exist_arch(architecture):
        chosen.add_arch(architecture)
for name in {"X86_64", "AARCH64"} - set(policy["architectures"]):
    if chosen.exist_arch(getattr(seccomp.Arch, name)):
        chosen.remove_arch(getattr(seccomp.Arch, name))

for rule in policy["rules"]:
    for name in rule["names"]:
        try:
            chosen.add_rule(action(rule["action"]), name, *map(comparison, rule.get("arguments", [])))
        except (RuntimeError, ValueError, OSError) as error:
            print(f"{name} {error}", file=sys.stderr)

chosen.export_bpf(sys.stdout.buffer)
