/** Where a process finds its readiness pipe, and the first inherited listener. */
export const READY_FD = 3;

/** How one of the platform's processes is started. */
export interface ProcessSpec {
  name: string;
  /** Of the program; what `slipway version` shows. */
  version: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Its output is appended here. */
  logFile: string;
  /** Handed down as fds 4, 5, …: listening sockets that outlive the process. */
  inheritedFds?: number[];
  /** How readiness is known: the process writes a line to fd 3, or a probe of ours resolves. */
  ready: { by: "pipe" } | { by: "probe"; probe: (signal: AbortSignal) => Promise<void> };
  readyTimeoutMs: number;
  /** Its successor serves before it ends: nobody is turned away meanwhile. */
  overlaps?: boolean;
}
