import type { ArgumentCondition, SeccompPolicy, SeccompRule } from "./policy.ts";

/** S_ISUID and S_ISGID, inode(7). */
const SET_ID_BITS = [0o4000n, 0o2000n];
/** Flags of open(2) that make it look at its mode: O_CREAT, and O_TMPFILE's own bit. */
const CREATING_FLAGS = [0o100n, 0o20000000n];

const hasBit = (index: ArgumentCondition["index"], bit: bigint): ArgumentCondition => ({
  index,
  bits: 32,
  operator: "masked-eq",
  mask: bit,
  value: bit,
});

/** The calls that give a file its mode, and which argument that is. */
const MODE_ARGUMENTS: readonly [names: string[], index: ArgumentCondition["index"]][] = [
  [["chmod", "fchmod", "mknod", "creat"], 1],
  [["fchmodat", "fchmodat2", "mknodat"], 2],
];
/** The calls that do so where their flags, an argument before it, say that they create. */
const OPENING_ARGUMENTS: readonly [name: string, flags: ArgumentCondition["index"], mode: ArgumentCondition["index"]][] = [
  ["open", 1, 2],
  ["openat", 2, 3],
];

/**
 * The policy, but no file can be made set-user-id or set-group-id (as systemd's RestrictSUIDSGID= has it): in a directory of the host that
 * a container writes to, such a file would be the directory's owner's for whoever runs it on the host. openat2 has its mode in memory, where
 * a filter cannot look: ENOSYS makes programs fall back to openat.
 */
export function withoutSetIdFiles(policy: SeccompPolicy): SeccompPolicy {
  const refused: SeccompRule[] = SET_ID_BITS.flatMap((bit) => [
    ...MODE_ARGUMENTS.map(([names, index]): SeccompRule => ({
      names,
      action: { errno: "EPERM" },
      arguments: [hasBit(index, bit)],
    })),
    ...OPENING_ARGUMENTS.flatMap(([name, flags, mode]) =>
      CREATING_FLAGS.map((flag): SeccompRule => ({
        names: [name],
        action: { errno: "EPERM" },
        arguments: [hasBit(flags, flag), hasBit(mode, bit)],
      })),
    ),
  ]);
  return { ...policy, rules: [...refused, { names: ["openat2"], action: { errno: "ENOSYS" } }, ...policy.rules] };
}
