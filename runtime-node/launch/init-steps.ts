import { INIT_NAME, initArguments, initFile } from "#kernel/init/init.ts";
import type { HostStep, Step } from "#kernel/plan/step.ts";
import type { InitSource, ProcessLaunch } from "./container-launch.ts";
import { filterCalls, settleProcess } from "./process-steps.ts";
import { AT_FDCWD, flags, onHost, result } from "./steps.ts";

const INIT_FD = "init";
const INIT_FD_NUMBER = 3;

/** On the host: an fd of the init. A memfd is sealed: a container's root may open /proc/1/exe. A file is not its to write. */
export function openInit(source: InitSource): HostStep[] {
  if (source.from === "file") {
    const open: Step = { name: INIT_FD, call: "openat", args: [AT_FDCWD, source.path, flags("O_RDONLY", "O_CLOEXEC"), 0] };
    return [onHost(open, true)];
  }
  const file = initFile();
  const content = { bytes: Buffer.from(file).toString("base64"), label: `{${INIT_NAME}, ${file.byteLength} bytes}` };
  const how = flags("MFD_CLOEXEC", "MFD_ALLOW_SEALING", ...(source.saysExecutable ? (["MFD_EXEC"] as const) : []));
  const seals = flags("F_SEAL_SEAL", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_WRITE");
  return [
    onHost({ name: INIT_FD, call: "memfd_create", args: [INIT_NAME, how] }, true),
    onHost({ name: "write the init", call: "write", args: [result(INIT_FD), content, file.byteLength] }),
    onHost({ name: "seal the init", call: "fcntl", args: [result(INIT_FD), flags("F_ADD_SEALS"), seals] }),
  ];
}

/** As any process, but that the init's fd stays until exec, and signals are blocked until it takes them. */
export function settleInit(openFiles: { soft: number; hard: number }): Step[] {
  // EINVAL: it is that number already.
  const move: Step = {
    name: `the init is ${INIT_FD_NUMBER}`,
    call: "dup3",
    args: [result(INIT_FD), INIT_FD_NUMBER, flags("O_CLOEXEC")],
    tolerate: ["EINVAL"],
  };
  return settleProcess(openFiles, { signals: "blocked", keep: [move] });
}

/** In place of the command: the init, which tries the candidates itself. */
export function filterAndExecInit({ seccompFilter, argv, candidates, env }: ProcessLaunch): Step[] {
  const strings = initArguments(candidates, argv);
  return [
    filterCalls(seccompFilter),
    {
      name: "exec the init",
      call: "execveat",
      args: [INIT_FD_NUMBER, "", { strings }, { strings: env }, flags("AT_EMPTY_PATH")],
    },
  ];
}
