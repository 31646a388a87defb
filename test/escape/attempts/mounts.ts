import { type Attempt, call, DENIED } from "../attempt.ts";

const SCRATCH = "$ENV{SCRATCH}";
const AT_FDCWD = -100;
const MS_REMOUNT_BIND = 0x1020;

/** The mount API, old and new: whoever may mount sees what was masked, and writes what is read-only. */
export const MOUNT_ATTEMPTS: Attempt[] = [
  { title: "to mount a tmpfs", perl: call("mount", '"x"', SCRATCH, '"tmpfs"', 0, '""'), refused: DENIED },
  { title: "to mount a second proc", perl: call("mount", '"x"', SCRATCH, '"proc"', 0, '""'), refused: DENIED },
  {
    title: "to make /proc/sys writable again",
    perl: call("mount", '"/proc/sys"', '"/proc/sys"', '"none"', MS_REMOUNT_BIND, '""'),
    refused: DENIED,
  },
  { title: "to take a mask off", perl: call("umount2", '"/proc/kcore"', 0), refused: DENIED },
  { title: "to open a file system", perl: call("fsopen", '"tmpfs"', 0), refused: DENIED },
  { title: "to clone a mount", perl: call("open_tree", AT_FDCWD, SCRATCH, 1), refused: DENIED },
  { title: "to move a mount", perl: call("move_mount", AT_FDCWD, SCRATCH, AT_FDCWD, SCRATCH, 0), refused: DENIED },
  {
    title: "to change a mount's attributes",
    perl: call("mount_setattr", AT_FDCWD, SCRATCH, 0, '"\\0" x 32', 32),
    refused: DENIED,
  },
  { title: "to pivot its root", perl: call("pivot_root", SCRATCH, SCRATCH), refused: DENIED },
  {
    title: "a way out of a chroot in a chroot to the host's files",
    perl: `mkdir "$ENV{SCRATCH}/c"; chroot "$ENV{SCRATCH}/c" or return 0; chdir ".." for 1 .. 64; chroot "." or return 0;
      return -e $ENV{HOST_FILE};`,
    refused: ["ENOENT"],
  },
];
