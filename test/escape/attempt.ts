import { execFileSync } from "node:child_process";
import { ARCHITECTURE } from "#kernel/linux-kernel.ts";
import { type SyscallName, syscallNumber } from "#kernel/syscall-numbers.ts";
import type { LaunchMount } from "#runtime-node/launch/container-launch.ts";
import type { ScratchNode, ScratchOptions } from "../containers/scratch-node.ts";

export interface Attempt {
  /** What must not succeed, as it reads after "refuses". */
  title: string;
  /** The body of a Perl function: true when it succeeded, false with `$!` when not; dies with "silence" when it got nothing. */
  perl: string;
  /** What may come back: errno names, "silence", "killed". */
  refused: readonly string[];
}

/** What the attempts find beside their container. */
export interface Surroundings {
  /** Where an attempt may leave something. */
  scratch: string;
  /** A process of the host. */
  hostPid: number;
  /** A unix socket without a path, which listens in the host's network namespace. */
  abstractSocket: string;
  /** A TCP port that listens on the host's 127.0.0.1. */
  loopbackPort: number;
  /** A file of the host that anybody may read. */
  hostFile: string;
  /** A device node in a directory that the container was given. */
  device: string;
}

/** The surroundings as an attempt finds them: `$ENV{HOST_PID}`. */
export function environment(found: Surroundings): Record<string, string> {
  return {
    SCRATCH: found.scratch,
    HOST_PID: String(found.hostPid),
    ABSTRACT_SOCKET: found.abstractSocket,
    LOOPBACK_PORT: String(found.loopbackPort),
    HOST_FILE: found.hostFile,
    HOST_DEVICE: found.device,
  };
}

export const DENIED = ["EPERM", "EACCES"] as const;
/** Not there at all, which is as good. */
export const HIDDEN = [...DENIED, "EROFS", "ENOENT"] as const;

/** A raw system call in Perl, by its number on this machine; true when it did not fail. */
export function called(name: SyscallName, ...args: (number | string)[]): string {
  const number = syscallNumber(name, ARCHITECTURE);
  if (number === undefined) return "do { $! = 38; 0 }";
  // Perl passes what it holds as a number by value, all else by address, and refuses the address of a literal.
  const list = args.map((argument, index) => (typeof argument === "number" ? argument : `(my $a${index} = ${argument})`));
  return `(syscall(${[number, ...list].join(", ")}) != -1)`;
}

export function call(name: SyscallName, ...args: (number | string)[]): string {
  return `return ${called(name, ...args)};`;
}

/** Opens a file as open(2) flags say; leaves it as it is. */
export function opening(path: string, how: "O_RDONLY" | "O_WRONLY" | "O_RDWR" = "O_WRONLY"): string {
  return `return sysopen(my $f, ${JSON.stringify(path)}, POSIX::${how}());`;
}

/** Succeeds when a file has a byte that is not of `blank`. */
export function reading(path: string, blank = ""): string {
  const pattern = blank === "" ? "length $text" : `$text =~ /[^${blank}]/`;
  return `sysopen(my $f, ${JSON.stringify(path)}, POSIX::O_RDONLY()) or return 0;
    my $text = ""; defined sysread($f, $text, 4096) or return 0; ${pattern} or die "silence"; return 1;`;
}

const PRELUDE = `
use strict; no warnings; use POSIX (); use Socket;
sub name_of { my ($number) = @_; $! = $number; my ($name) = sort grep { $!{$_} } keys %!; return $name // "errno $number" }
sub attempt {
  my ($index, $code) = @_;
  pipe(my $read, my $write);
  my $pid = fork() // die "fork: $!";
  if ($pid == 0) {
    close $read; alarm 10; apart();
    my $done = eval { $code->() }; my $number = $! + 0; my $thrown = $@;
    my $word = $thrown =~ /^silence/ ? "silence" : $thrown ? "broken: $thrown" : $done ? "ok" : name_of($number);
    $word =~ s/\\n/ /g; syswrite($write, $word); POSIX::_exit(0);
  }
  close $write; my $word = ""; sysread($read, $word, 1000); waitpid($pid, 0);
  $word = "killed" if $word eq "";
  print "$index $word\\n";
}
$| = 1;
`;
/** On the host each attempt has mounts of its own, so that none finds what another did to them. */
const APART = `sub apart { ${called("unshare", 0x2_0000)} or die "unshare: $!" }`;
const AS_IT_IS = "sub apart {}";

/** The whole table as one Perl program; each attempt is a process of its own. */
function program(attempts: readonly Attempt[], apart: string): string {
  return PRELUDE + apart + attempts.map(({ perl }, index) => `attempt(${index}, sub { ${perl} });\n`).join("");
}

/** Perl and its libraries, as the host has them: a container's root, which is nobody here, may read them. */
export const PERL_MOUNTS: LaunchMount[] = [
  ["/usr", "/usr"],
  ["/usr/lib", "/lib"],
  ["/usr/lib64", "/lib64"],
].map(([source, target]) => ({
  kind: "bind",
  source: source as string,
  target: target as string,
  file: false,
  readOnly: true,
  idmap: null,
  recursive: false,
  propagation: "private",
  targetExists: false,
}));

/** What came of each attempt by root of a default container. */
export async function attemptInside(
  node: ScratchNode,
  attempts: readonly Attempt[],
  found: Surroundings,
  options: Partial<ScratchOptions> = {},
): Promise<string[]> {
  const { stdout, stderr } = await node.run({
    ...options,
    env: Object.entries(environment(found)).map(([name, value]) => `${name}=${value}`),
    command: ["/usr/bin/perl", "-e", program(attempts, AS_IT_IS)],
    mounts: [...PERL_MOUNTS, ...(options.mounts ?? [])],
  });
  return outcomes(attempts, stdout, stderr);
}

/** And by root of the host, in a mount namespace of its own: what succeeds there must not stay. */
export function attemptOnHost(attempts: readonly Attempt[], found: Surroundings): string[] {
  const command = ["--mount", "--propagation=private", "/usr/bin/perl", "-e", program(attempts, APART)];
  return outcomes(attempts, execFileSync("unshare", command, { encoding: "utf8", env: environment(found) }), "");
}

function outcomes(attempts: readonly Attempt[], stdout: string, stderr: string): string[] {
  const lines = stdout.trim().split("\n");
  if (lines.length !== attempts.length)
    throw new Error(`${attempts.length} attempts left ${lines.length} outcomes: ${stderr}`);
  return lines.map((line) => line.slice(line.indexOf(" ") + 1));
}
