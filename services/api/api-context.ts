import type { VersionInfo } from "#contracts/api.ts";
import type { HomeLayout } from "#contracts/home.ts";
import type { Platform } from "#messaging/platform.ts";
import type { Log } from "#services/state/log.ts";
import type { TraceArchive } from "#services/state/trace-archive.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";

/** What every resource may use. */
export interface ApiContext {
  state: ClusterState;
  platform: Platform;
  traces: TraceArchive;
  home: HomeLayout;
  /** The node that is asked for logs, images, volumes and networks, and that runs what `slipway run` starts. */
  node: string;
  /** How long a node is waited for that nobody answers for; 10,000 when absent. */
  nodePatienceMs?: number;
  version: () => Promise<VersionInfo>;
  log: Log;
  /** Aborted when the API closes: ends answers that would go on for ever. */
  closing: AbortSignal;
}
