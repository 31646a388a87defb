import { type Attempt, called, DENIED, HIDDEN, opening } from "../attempt.ts";

const S_IFCHR = 0o020600;
const S_IFBLK = 0o060600;
const device = (major: number, minor: number): number => major * 256 + minor;
const making = (mode: number, number: number): string =>
  `my $made = ${called("mknodat", -100, '"$ENV{SCRATCH}/device"', mode, number)}; my $why = $!; unlink "$ENV{SCRATCH}/device"; $! = $why; return $made;`;

/** The host's devices: neither made nor there, and dead where a directory of the host brings one. */
export const DEVICE_ATTEMPTS: Attempt[] = [
  { title: "to make a disk's device node", perl: making(S_IFBLK, device(8, 0)), refused: DENIED },
  { title: "to make the node of the machine's memory", perl: making(S_IFCHR, device(1, 1)), refused: DENIED },
  { title: "to make the node of /dev/kmsg", perl: making(S_IFCHR, device(1, 11)), refused: DENIED },
  ...[
    "/dev/mem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/vda",
    "/dev/sda",
    "/dev/loop-control",
    "/dev/kvm",
    "/dev/console",
    "/dev/tty1",
    "/dev/net/tun",
  ].map((path) => ({
    title: `to open ${path}`,
    perl: opening(path, "O_RDONLY"),
    refused: HIDDEN,
  })),
  {
    title: "to open a device node that lies in a directory of the host",
    perl: `return sysopen(my $f, $ENV{HOST_DEVICE}, POSIX::O_RDONLY());`,
    refused: DENIED,
  },
];
