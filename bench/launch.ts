import { join } from "node:path";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ConstantName } from "#kernel/constants.ts";
import { type ScratchContainer, ScratchNode } from "../test/containers/scratch-node.ts";
import { type Bench, OURS } from "./harness/bench.ts";
import { contest } from "./harness/contest.ts";
import { runBare } from "./launch/bare-process.ts";
import { LaunchPhases } from "./launch/launch-phases.ts";
import { OciBundle } from "./launch/oci-bundle.ts";
import { findCommand } from "./peers/set-up.ts";

const ROUNDS = 200;
const FLOOR_ID_BASE = 0x6000_0000;
const NAMESPACES: ConstantName[] = [
  "CLONE_NEWUSER",
  "CLONE_NEWPID",
  "CLONE_NEWNS",
  "CLONE_NEWNET",
  "CLONE_NEWUTS",
  "CLONE_NEWIPC",
];

export const bench: Bench = {
  title: "Launch of a container: request to reaped exit",
  method:
    "`/bin/true` of busybox with all namespaces, id maps, cgroup with limits, overlay or root, /proc, /sys and /dev, seccomp where the runtime has it: ours as the supervisor " +
    "makes it, the others by clone3 and execve of their program (not by child_process, whose cost is not theirs). The floor is clone3, execve and the exit of the same program on the " +
    "host with no isolation; the other floor is the same with our six namespaces and id maps, and not a mount.",
  targets: [
    { kind: "advantage", metric: "p50Ms", over: "crun", atLeast: 5 },
    { kind: "advantage", metric: "p50Ms", over: "bwrap", atLeast: 2 },
    { kind: "advantage", metric: "p50Ms", over: "floor", atLeast: 1 / 3 },
  ],
  async measure(context) {
    await using node = new ScratchNode("/run");
    // As images have them.
    for (const path of ["dev", "proc", "sys"]) mkdirSync(join(node.folder, "layer", path));
    context.ownCgroup(`slipway-${node.hash}`);
    const { kernel } = node;
    const output = join(context.folder, "output");
    writeFileSync(output, "");
    const place = { folder: join(context.folder, "bundle"), layer: join(node.folder, "layer"), cgroup: context.run };
    const bundle = await OciBundle.create(kernel, place);
    const phases = new LaunchPhases();
    const busybox = ["/bin/busybox", "true"];
    const contenders = await contest(
      context,
      [
        {
          name: OURS,
          once: async () => phases.add(await runOurs(node)),
        },
        { name: "crun", once: () => bundle.run("crun") },
        { name: "runc", once: () => bundle.run("runc") },
        {
          name: "bwrap",
          once: () =>
            runBare(kernel, { argv: bwrap(bundle.root), output }).catch((cause: unknown) => {
              throw new Error(`${String(cause)}: ${readFileSync(output, "utf8").slice(-300)}`, { cause });
            }),
        },
        { name: "floor", once: () => runBare(kernel, { argv: busybox }) },
        {
          name: "floor with namespaces",
          once: () => runBare(kernel, { argv: busybox, namespaces: NAMESPACES, idBase: FLOOR_ID_BASE }),
        },
      ],
      { rounds: ROUNDS, warmUp: 5 },
    );
    context.note(phases.describe());
    return contenders;
  },
};

async function runOurs(node: ScratchNode): Promise<ScratchContainer> {
  await using container = await node.start({ command: ["/bin/true"] });
  const [{ code }] = await Promise.all([container.exit, container.stdout, container.stderr]);
  if (code !== 0) throw new Error(`exit ${code}`);
  return container;
}

/** All namespaces that it knows; its user namespace has one id. It mounts no sysfs of its own and has no cgroup limits and no seccomp filter here. */
function bwrap(root: string): string[] {
  const command = findCommand("bwrap");
  if (command === undefined) throw new Error("it is not installed");
  const mounts = [
    "--bind",
    root,
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--mqueue",
    "/dev/mqueue",
    "--ro-bind",
    "/sys",
    "/sys",
  ];
  return [
    command,
    "--unshare-all",
    "--uid",
    "0",
    "--gid",
    "0",
    "--hostname",
    "bench",
    "--new-session",
    ...mounts,
    "/bin/true",
  ];
}
