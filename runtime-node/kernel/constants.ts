/** The flags and commands that plans name, as the kernel's headers define them; the man page stands above each group. */
export const CONSTANTS = {
  // open(2)
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DIRECTORY: process.arch === "arm64" ? 0o40000 : 0o200000,
  O_NOFOLLOW: process.arch === "arm64" ? 0o100000 : 0o400000,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
  // openat2(2)
  RESOLVE_NO_SYMLINKS: 0x04,
  AT_FDCWD: -100,
  AT_EMPTY_PATH: 0x1000,
  AT_SYMLINK_NOFOLLOW: 0x100,
  AT_RECURSIVE: 0x8000,
  S_IFREG: 0o100000,
  // fcntl(2)
  F_DUPFD_CLOEXEC: 1030,
  F_SETFL: 4,
  F_SETPIPE_SZ: 1031,
  F_ADD_SEALS: 1033,
  F_SEAL_SEAL: 1,
  F_SEAL_SHRINK: 2,
  F_SEAL_GROW: 4,
  F_SEAL_WRITE: 8,
  // memfd_create(2)
  MFD_CLOEXEC: 1,
  MFD_ALLOW_SEALING: 2,
  MFD_EXEC: 16,
  // clone(2), unshare(2), setns(2)
  CLONE_VM: 0x100,
  CLONE_FILES: 0x400,
  CLONE_PIDFD: 0x1000,
  CLONE_VFORK: 0x4000,
  CLONE_PARENT: 0x8000,
  CLONE_PARENT_SETTID: 0x100000,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
  CLONE_CLEAR_SIGHAND: 0x100000000,
  CLONE_INTO_CGROUP: 0x200000000,
  SIGKILL: 9,
  SIGCHLD: 17,
  // mount(2), umount2(2)
  MS_RDONLY: 1,
  MS_NOSUID: 2,
  MS_NODEV: 4,
  MS_NOEXEC: 8,
  MS_REMOUNT: 32,
  MS_BIND: 4096,
  MS_REC: 16384,
  MS_UNBINDABLE: 1 << 17,
  MS_PRIVATE: 1 << 18,
  MS_SLAVE: 1 << 19,
  MS_SHARED: 1 << 20,
  MNT_DETACH: 2,
  UMOUNT_NOFOLLOW: 8,
  // open_tree(2), move_mount(2), mount_setattr(2), fsopen(2), fsconfig(2), fsmount(2)
  OPEN_TREE_CLONE: 1,
  OPEN_TREE_CLOEXEC: 0o2000000,
  MOVE_MOUNT_F_EMPTY_PATH: 0x4,
  MOVE_MOUNT_T_SYMLINKS: 0x10,
  MOUNT_ATTR_RDONLY: 0x1,
  MOUNT_ATTR_NOSUID: 0x2,
  MOUNT_ATTR_NODEV: 0x4,
  MOUNT_ATTR_NOEXEC: 0x8,
  MOUNT_ATTR_IDMAP: 0x100000,
  FSOPEN_CLOEXEC: 1,
  FSCONFIG_SET_FLAG: 0,
  FSCONFIG_SET_STRING: 1,
  FSCONFIG_SET_FD: 5,
  FSCONFIG_CMD_CREATE: 6,
  FSMOUNT_CLOEXEC: 1,
  // prctl(2), capabilities(7), seccomp(2)
  PR_SET_PDEATHSIG: 1,
  PR_SET_DUMPABLE: 4,
  PR_SET_KEEPCAPS: 8,
  PR_CAPBSET_DROP: 24,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
  PR_CAP_AMBIENT_CLEAR_ALL: 4,
  SECCOMP_SET_MODE_FILTER: 1,
  // keyctl(2)
  KEYCTL_JOIN_SESSION_KEYRING: 1,
  // sigprocmask(2), sigaction(2)
  SIG_SETMASK: 2,
  SIGPIPE: 13,
  SIGXFSZ: 25,
  // getrlimit(2)
  RLIMIT_CORE: 4,
  RLIMIT_NOFILE: 7,
  // close_range(2)
  CLOSE_RANGE_CLOEXEC: 4,
  // wait(2)
  P_PIDFD: 3,
  WNOHANG: 1,
  WEXITED: 4,
  __WALL: 0x40000000,
} as const satisfies Record<string, number>;

export type ConstantName = keyof typeof CONSTANTS;

/** The sum of named flags. A sum and not an OR: flags of clone3(2) go past 32 bits. */
export function flagBits(names: readonly ConstantName[]): number {
  return names.reduce((sum, name) => sum + CONSTANTS[name], 0);
}
