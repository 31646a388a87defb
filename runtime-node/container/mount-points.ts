import { FILE_NAMES } from "./container-files.ts";
import { SECRETS_TARGET } from "./secrets.ts";

const DIRECTORIES = ["/dev", "/etc", "/proc", "/run", "/sys", SECRETS_TARGET];

/**
 * Where something of ours is mounted in every container. As the lowest layer of all of them (docker's `-init` layer), what an image has there itself comes
 * first, and what it lacks need not be made in each container's own directory: up to six inodes of the disk, made at each start and freed at each end.
 */
export const MOUNT_POINTS = {
  directories: DIRECTORIES.map((path) => ({ path, mode: 0o755 })),
  files: FILE_NAMES.map((name) => ({ path: `/etc/${name}`, content: Buffer.alloc(0), mode: 0o644 })),
  symlinks: [],
  binds: [],
};
