import { type Attempt, call, DENIED } from "../attempt.ts";

const CLONE_NEWUSER = 0x1000_0000;
const CLONE_NEWNS = 0x2_0000;
const READ_IMPLIES_EXEC = 0x40_0000;
const SYSLOG_READ_ALL = 3;
const CLOCK_REALTIME = 0;
const WRONG_MAGIC = 1;
const KEY_SPEC_SESSION_KEYRING = -3;
const KEYCTL_GET_KEYRING_ID = 0;

/**
 * Calls that reach into the kernel's rarely walked parts, or out of the container. Arguments are such that on the host nothing happens: a
 * wrong magic number, no file, an empty structure. Any errno but a refusal there shows that the call was let in.
 */
export const SYSTEM_CALL_ATTEMPTS: Attempt[] = [
  { title: "a user namespace of its own by unshare", perl: call("unshare", CLONE_NEWUSER), refused: DENIED },
  { title: "a mount namespace of its own by unshare", perl: call("unshare", CLONE_NEWNS), refused: DENIED },
  { title: "a user namespace of its own by clone", perl: call("clone", CLONE_NEWUSER | 17, 0, 0, 0, 0), refused: DENIED },
  { title: "clone3, whose flags no filter can read", perl: call("clone3", '"\\0" x 64', 64), refused: ["ENOSYS"] },
  { title: "to join a namespace", perl: call("setns", -1, 0), refused: DENIED },
  { title: "to load a module", perl: call("init_module", '"x"', 1, '""'), refused: DENIED },
  { title: "to load a module from a file", perl: call("finit_module", -1, '""', 0), refused: DENIED },
  { title: "to unload a module", perl: call("delete_module", '"no_such_module"', 0x800), refused: DENIED },
  { title: "to load another kernel", perl: call("kexec_load", 0, 1000, 0, 0), refused: DENIED },
  { title: "to load another kernel from a file", perl: call("kexec_file_load", -1, -1, 0, '""', 0), refused: DENIED },
  { title: "to reboot the machine", perl: call("reboot", WRONG_MAGIC, WRONG_MAGIC, WRONG_MAGIC, 0), refused: DENIED },
  { title: "to swap on a file", perl: call("swapon", '"/no-such-file"', 0), refused: DENIED },
  { title: "process accounting", perl: call("acct", '"/no-such-file"'), refused: DENIED },
  { title: "to set the clock", perl: call("clock_settime", CLOCK_REALTIME, 'pack("qq", 0, -1)'), refused: DENIED },
  { title: "to set the time of day", perl: call("settimeofday", 'pack("qq", 0, -1)', 0), refused: DENIED },
  { title: "another host name", perl: call("sethostname", '"x"', -1), refused: DENIED },
  { title: "the kernel's log", perl: call("syslog", SYSLOG_READ_ALL, 'my $log = "\\0" x 64', 64), refused: DENIED },
  { title: "the I/O ports", perl: call("iopl", 0), refused: [...DENIED, "ENOSYS"] },
  { title: "a BPF program or map", perl: call("bpf", 0, '"\\0" x 64', 64), refused: DENIED },
  { title: "performance counters", perl: call("perf_event_open", '"\\0" x 128', 0, -1, -1, 0), refused: DENIED },
  { title: "io_uring", perl: call("io_uring_setup", 1, '"\\0" x 120'), refused: DENIED },
  { title: "userfaultfd", perl: call("userfaultfd", 0), refused: DENIED },
  { title: "a keyring", perl: call("keyctl", KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1), refused: DENIED },
  {
    title: "to add a key",
    perl: call("add_key", '"user"', '"slipway-escape"', '"x"', 1, KEY_SPEC_SESSION_KEYRING),
    refused: DENIED,
  },
  { title: "to ask for a key", perl: call("request_key", '"user"', '"no-such-key"', 0, 0), refused: DENIED },
  {
    title: "a file by its handle, around all paths",
    perl: call("open_by_handle_at", -100, 'pack("II", 8, 1) . "\\0" x 8', 0),
    refused: DENIED,
  },
  { title: "to watch whole file systems", perl: call("fanotify_init", 0, 0), refused: DENIED },
  { title: "disk quotas", perl: call("quotactl", 0x80000700, '"/no-such-device"', 0, 0), refused: DENIED },
  { title: "executable data by personality", perl: call("personality", READ_IMPLIES_EXEC), refused: DENIED },
  { title: "to hang up a terminal", perl: call("vhangup"), refused: DENIED },
  {
    title: "an attribute that belongs to the host's root",
    perl: attribute("trusted.slipway"),
    refused: [...DENIED, "EOPNOTSUPP"],
  },
];

function attribute(name: string): string {
  return `open(my $f, ">", "$ENV{SCRATCH}/attribute"); ${call("setxattr", '"$ENV{SCRATCH}/attribute"', `"${name}"`, '"x"', 1, 0)}`;
}
