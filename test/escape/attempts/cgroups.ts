import { type Attempt, DENIED } from "../attempt.ts";

const READ_ONLY = [...DENIED, "EROFS", "ENOENT"];
/** The first directory of a cgroup tree that has processes in it, on v1 and on v2. */
const TREE = `my ($tree) = grep { -e "$_/cgroup.procs" } "/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory"; $tree // die "no tree";`;

/** Its own limits are not a container's to change (CVE-2022-0492, and every privileged-container trick with release_agent). */
export const CGROUP_ATTEMPTS: Attempt[] = [
  {
    title: "a cgroup of its own",
    perl: `${TREE} my $made = mkdir "$tree/escape$$"; my $why = $!; rmdir "$tree/escape$$"; $! = $why; return $made;`,
    refused: READ_ONLY,
  },
  {
    title: "to move itself to another cgroup",
    perl: `${TREE} return sysopen(my $f, "$tree/cgroup.procs", POSIX::O_WRONLY());`,
    refused: READ_ONLY,
  },
  {
    title: "to raise its own memory limit",
    perl: limit("memory.max", "memory/memory.limit_in_bytes", "memory/memory.soft_limit_in_bytes"),
    refused: READ_ONLY,
  },
  {
    title: "to raise its own limit of processes",
    perl: limit("pids.max", "pids/pids.max", "cgroup.subtree_control", "pids/cgroup.procs"),
    refused: READ_ONLY,
  },
];

/** The host's root cgroup has no limits: there another file of the controller stands for them. */
function limit(...files: string[]): string {
  const paths = files.map((file) => JSON.stringify(`/sys/fs/cgroup/${file}`)).join(", ");
  return `my ($file) = grep { -e } ${paths}; return sysopen(my $f, $file, POSIX::O_WRONLY());`;
}
