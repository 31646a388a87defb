import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { Step } from "#kernel/plan/step.ts";
import { ARCHITECTURE } from "#kernel/linux-kernel.ts";
import { syscallNumber } from "#kernel/syscall-numbers.ts";
import { type ScratchContainer, ScratchNode } from "../containers/scratch-node.ts";
import { PERL_MOUNTS } from "./attempt.ts";

const PTRACE_SEIZE = 0x4206;
/** A tracer takes the ends of what it traces; before that their parent is not told. */
const WNOHANG_WALL = 0x4000_0001;

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** Half a second in which the new process stands in the container, and still in the supervisor's memory. */
const LINGER: Step = {
  name: "linger",
  call: "nanosleep",
  args: [{ bytes: Buffer.from(new BigUint64Array([0n, 500_000_000n]).buffer).toString("base64") }, null],
};
const lingering = (plan: ChildPlan): ChildPlan => ({
  ...plan,
  child: plan.child.flatMap((step) => (step.name === "own session" ? [step, LINGER] : [step])),
});

/** Perl in a container that has a shell as PID 1: with each new process it does what it is told. */
const withEachNew = (what: string, takesEnds: boolean): string =>
  `sub comm { open(my $f, "<", "/proc/$_[0]/comm") or return ""; my $line = <$f>; chomp $line; return $line }
   my (%looked, %traced); my %seen = map { $_ => 1 } 1 .. $$; $| = 1; print "watching\\n";
   while (1) { ${takesEnds ? `waitpid(-1, ${WNOHANG_WALL});` : ""} for my $p ($$ + 1 .. $$ + 40) { next if $seen{$p} || !-e "/proc/$p"; ${what} } }`;
const startHostile = (what: string, takesEnds = true): Promise<ScratchContainer> =>
  node.start({ command: ["/usr/bin/perl", "-e", withEachNew(what, takesEnds)], mounts: PERL_MOUNTS });

const children = (): string[] =>
  readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
  );

describe("a process that is started in a hostile container, before it executes its program", () => {
  it("shows nothing of the supervisor it still shares memory with", async () => {
    const files = ["mem", "maps", "environ", "auxv", "exe", "cwd", "root", "fd/0", "fd/1", "ns/mnt", "syscall", "stack"];
    const look = `my $comm = comm($p); next if $looked{"$p $comm"}; my @open;
      for my $name (qw(${files.join(" ")})) { push @open, $name if sysopen(my $f, "/proc/$p/$name", 0) || defined readlink "/proc/$p/$name" }
      $traced{$p} ||= syscall(${syscallNumber("ptrace", ARCHITECTURE)}, ${PTRACE_SEIZE}, $p, 0, 0) != -1; push @open, "ptrace" if $traced{$p};
      $looked{"$p $comm"} = print "$comm: @open\n" if comm($p) eq $comm;`;
    await using container = await startHostile(look);
    const seen = node.exec(container, ["/bin/true"], {}, lingering);
    await expect(seen).resolves.toMatchObject({ status: { code: 0 } });
    await expect(node.exec(container, ["/bin/sleep", "1"])).resolves.toMatchObject({ status: { code: 0 } });
    node.children.signal(container.id, 9);
    const lines = (await container.stdout).split("\n").filter((line) => /^[^:]+: /.test(line));
    const ours = lines.filter((line) => !/^(true|sleep): /.test(line));
    expect(ours.length).toBeGreaterThan(0);
    expect(ours.filter((line) => !line.endsWith(": "))).toEqual([]);
    // A program of the container's own, by the same look.
    expect(lines.at(-1)).toMatch(/^sleep: mem maps environ .*ptrace/);
  });

  it("is ended when it is stopped there, which blocks neither the next one nor another container", async () => {
    await using container = await startHostile(`kill "STOP", $p and $seen{$p} = 1;`);
    const before = children();
    const stopped = Array.from({ length: 6 }, () => node.exec(container, ["/bin/true"], {}, lingering));
    for (const end of await Promise.allSettled(stopped)) {
      expect(end).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringContaining("stopped the new one") },
      });
    }
    expect(children()).toEqual(before);
    expect((await node.sh("echo alive")).stdout).toBe("alive\n");
  });

  it("whose end a tracer keeps to itself is told when the tracer has gone, and the container can end", async () => {
    const trace = `syscall(${syscallNumber("ptrace", ARCHITECTURE)}, ${PTRACE_SEIZE}, $p, 0, 0) != -1 and $seen{$p} = 1`;
    await using container = await startHostile(`${trace} and print "traced\n";`, false);
    const traced = node.exec(container, ["/bin/sleep", "0.2"], {}, lingering);
    await expect(Promise.race([traced, container.exit, node.sh("sleep 1").then(() => "held")])).resolves.toBe("held");
    node.children.signal(container.id, 9);
    expect(await container.stdout).toContain("traced");
    expect(await traced).toMatchObject({ status: { code: expect.any(Number) } });
    expect((await container.exit).signal).toBe(9);
  });

  it("may be killed there, and is then a process that was killed", async () => {
    await using container = await startHostile(`kill "KILL", $p and $seen{$p} = 1;`);
    const before = children();
    const { status } = await node.exec(container, ["/bin/sleep", "60"], {}, lingering);
    expect(status).toEqual({ code: 137, signal: 9 });
    expect(children()).toEqual(before);
  });
});
