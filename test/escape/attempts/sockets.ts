import { type Attempt, DENIED } from "../attempt.ts";

const AF_NETLINK = 16;
const AF_ALG = 38;
const AF_VSOCK = 40;
const NETLINK_AUDIT = 9;
const NLMSG_ERROR = 2;
const SIOCSIFFLAGS = 0x8914;
const SO_RCVBUFFORCE = 33;
const UNREACHABLE = ["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"] as const;

/** Sockets: a network namespace of its own, and no family that leads around it. */
export const SOCKET_ATTEMPTS: Attempt[] = [
  { title: "the hypervisor by AF_VSOCK", perl: `return socket(my $s, ${AF_VSOCK}, SOCK_STREAM, 0);`, refused: DENIED },
  { title: "the kernel's ciphers by AF_ALG", perl: `return socket(my $s, ${AF_ALG}, 5, 0);`, refused: DENIED },
  {
    title: "the audit log by netlink",
    perl: `socket(my $s, ${AF_NETLINK}, SOCK_RAW, ${NETLINK_AUDIT}) or return 0;
      send($s, pack("LSSLL", 16, 1000, 5, 1, 0), 0, pack("SSLL", ${AF_NETLINK}, 0, 0, 0)) or return 0;
      recv($s, my $answer, 4096, 0); my (undef, $type, undef, undef, undef, $error) = unpack("LSSLLl", $answer);
      $! = -$error; return $type != ${NLMSG_ERROR} || $error == 0;`,
    refused: [...DENIED, "ECONNREFUSED"],
  },
  {
    title: "a listening abstract socket of the host",
    perl: `socket(my $s, AF_UNIX, SOCK_STREAM, 0) or return 0; return connect($s, pack("S", 1) . "\\0" . $ENV{ABSTRACT_SOCKET});`,
    refused: UNREACHABLE,
  },
  {
    title: "a service on the host's loopback",
    perl: `socket(my $s, AF_INET, SOCK_STREAM, 0) or return 0;
      return connect($s, pack_sockaddr_in($ENV{LOOPBACK_PORT}, inet_aton("127.0.0.1")));`,
    refused: UNREACHABLE,
  },
  {
    title: "to change an interface",
    perl: `socket(my $s, AF_INET, SOCK_DGRAM, 0) or return 0; my $request = pack("a16 s x22", "lo", 0x49);
      return ioctl($s, ${SIOCSIFFLAGS}, $request);`,
    refused: DENIED,
  },
  {
    title: "a receive buffer past the machine's limit",
    perl: `socket(my $s, AF_INET, SOCK_DGRAM, 0) or return 0; return setsockopt($s, SOL_SOCKET, ${SO_RCVBUFFORCE}, pack("i", 1 << 24));`,
    refused: DENIED,
  },
];
