import type { ConstantName } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { reap } from "#kernel/pidfd.ts";
import { type ChildPlan, WAIT_FOR_RELEASE } from "#kernel/plan/child-plan.ts";
import { cloneAndPark, ParkedChild } from "#kernel/plan/clone.ts";
import { mapSteps } from "#kernel/user-namespaces.ts";
import { containerIdMap } from "#runtime-node/container/id-map.ts";
import { OPEN_FILES } from "#runtime-node/container/open-files.ts";
import { openStdio, settleProcess, stand } from "#runtime-node/launch/process-steps.ts";

export interface BareProcess {
  argv: readonly string[];
  cwd?: string;
  /** Where its output goes; /dev/null when absent. */
  output?: string;
  namespaces?: readonly ConstantName[];
  idBase?: number;
}

const none = (): never => {
  throw new RangeError("a bare process has no lasting fds");
};

/**
 * clone3, the stdio, execve, and the reaped exit, with nothing of Node's child_process in it: the floor of any launch, and the cheapest way to
 * start a peer. Throws unless it exits with 0.
 */
export async function runBare(kernel: Kernel, process: BareProcess): Promise<void> {
  const parked = await cloneAndPark(kernel, barePlan(process), { userNamespace: none, pidfd: none });
  if (!(parked instanceof ParkedChild)) throw new Error(parked.failure.message);
  const end = await parked.release();
  if (end.type === "failed") throw new Error(end.failure.message);
  const status = await reap(kernel, end.pidfd);
  kernel.call("close", end.pidfd);
  if (status.code !== 0) throw new Error(`${process.argv[0]} ended with ${status.code}`);
}

function barePlan({ argv, cwd = "/", output = "/dev/null", namespaces = [], idBase }: BareProcess): ChildPlan {
  const [path = ""] = argv;
  const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
  return {
    prepare: openStdio({ stdin: null, stdout: output, stderr: output }),
    namespaces: [...namespaces],
    parked: idBase === undefined ? [] : mapSteps(containerIdMap(idBase)),
    child: [
      ...WAIT_FOR_RELEASE,
      ...settleProcess(OPEN_FILES),
      stand(cwd),
      { name: `exec ${path}`, call: "execve", args: [path, { strings: [...argv] }, { strings: env }] },
    ],
    cleanup: [],
  };
}
