/** A volume as its driver sees it. */
export interface Volume {
  /** `<project>_<volume>` */
  name: string;
  /** The volume's own folder on this node (root, 0700); the driver keeps everything of the volume in here, below `data`. */
  folder: string;
  options: Readonly<Record<string, string>>;
}

/**
 * What a launch mounts: a detached clone of the directory, nosuid and nodev, its ids shifted by the container's range, so that root in the
 * container is the directory's owner.
 */
export interface VolumeAttachment {
  kind: "directory";
  path: string;
  idmap: "shift";
}

export interface VolumeStats {
  /** What the data takes on its medium. */
  usedBytes: number;
  /** What it may take; null when there is no limit of its own. */
  limitBytes: number | null;
}

export interface DriverCapabilities {
  /** one-node: any number of instances of one node write at once. one-writer: one instance writes, others may read. */
  sharing: "one-node" | "one-writer";
  /** Whether data outlives the last instance that uses it. */
  persistent: boolean;
  /** Whether a volume can have a limit of its own. */
  sizeLimit: boolean;
  /** Whether containers with user namespaces can use it here; if not, what is missing and what to do. */
  idmap: { supported: true } | { supported: false; missing: string; remedy: string };
}

/**
 * Where volumes come from. Every method may be called again after a crash at any point of an earlier call and then completes it; `volumes`
 * that a driver does not know are created by `create` alone. The store calls the methods of one volume one after the other. What a driver
 * can do beyond this it says by having the optional methods.
 */
export interface VolumeDriver {
  readonly name: string;
  capabilities(signal: AbortSignal): Promise<DriverCapabilities>;
  /** Throws SLIPWAY_STORAGE_OPTION_UNKNOWN or SLIPWAY_STORAGE_OPTION_INVALID. */
  checkOptions(options: Readonly<Record<string, string>>): void;
  /** Makes the volume, empty; data that is there already stays. */
  create(volume: Volume, signal: AbortSignal): Promise<void>;
  /** Makes the volume usable on this node; called for every instance. */
  attach(volume: Volume, signal: AbortSignal): Promise<VolumeAttachment>;
  /** Called when the last instance on this node has gone. */
  detach(volume: Volume, signal: AbortSignal): Promise<void>;
  stats(volume: Volume, signal: AbortSignal): Promise<VolumeStats>;
  /** Deletes the volume's data, and nothing else. Removing what is not there does nothing. */
  remove(volume: Volume, signal: AbortSignal): Promise<void>;
  snapshot?(volume: Volume, snapshot: string, signal: AbortSignal): Promise<void>;
  clone?(source: Volume, target: Volume, signal: AbortSignal): Promise<void>;
  resize?(volume: Volume, sizeBytes: number, signal: AbortSignal): Promise<void>;
}
