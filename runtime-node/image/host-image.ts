import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { imageError } from "./errors.ts";

const NODE_PATH = "/opt/slipway/bin/node";
const PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${dirname(NODE_PATH)}`;
/** Under merged-/usr these are links into it (file-hierarchy(7)); elsewhere they are folders. */
const TOP_LEVEL = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/** Public by nature, and needed by what lies under /usr: which `editor` is meant, whom TLS trusts. */
const BOUND_CONFIGURATION = ["/etc/alternatives", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"];
const COPIED_FILES = ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/protocols", "/etc/services", "/etc/ssl/openssl.cnf"];
const COPIED_FOLDER = "/etc/ld.so.conf.d";
const OTHERS_READ = 0o004;

const GENERATED = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  "/etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
};
const DIRECTORIES: readonly HostDirectory[] = [
  ...["/etc", "/home", "/mnt", "/opt", "/run", "/srv", "/usr", "/var", "/proc", "/sys", "/dev"].map((path) => ({
    path,
    mode: 0o755,
  })),
  { path: "/root", mode: 0o700 },
  { path: "/tmp", mode: 0o1777 },
  { path: "/var/tmp", mode: 0o1777 },
];

export interface HostBind {
  /** On the host, with no symlink in it. */
  source: string;
  target: string;
  readOnly: true;
}

export interface HostDirectory {
  path: string;
  mode: number;
}

/** A layer of few files that is made and not pulled. */
export interface Skeleton {
  /** To be mounted in this order; their mount points are part of the skeleton. */
  binds: HostBind[];
  symlinks: { target: string; path: string }[];
  files: { path: string; content: Uint8Array; mode: number }[];
  /** Parents come before children. */
  directories: HostDirectory[];
}

/** The root file system of the reserved image `host`: the host's programs over a skeleton that has nothing else of the host's. */
export interface HostImage extends Skeleton {
  /** `NAME=value` */
  environment: string[];
  workingDir: string;
}

/**
 * Describes the image `host` from what this machine has. `nodeBinary`: the platform's own Node, which a container finds as
 * `node` after the host's. Throws SLIPWAY_IMAGE_HOST_UNUSABLE.
 */
export function describeHostImage({ nodeBinary }: { nodeBinary: string }): HostImage {
  if (!existsSync(nodeBinary) || !existsSync("/usr")) {
    throw imageError("SLIPWAY_IMAGE_HOST_UNUSABLE", `making the image \`host\`: /usr or ${nodeBinary} is not there`);
  }
  const binds = [bind("/usr")];
  const symlinks: Skeleton["symlinks"] = [];
  for (const path of TOP_LEVEL) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) symlinks.push({ target: readlinkSync(path), path });
    else if (stat?.isDirectory() === true) binds.push(bind(path));
  }
  binds.push(...BOUND_CONFIGURATION.filter((path) => existsSync(path)).map(bind));
  binds.push({ source: realpathSync(nodeBinary), target: NODE_PATH, readOnly: true });
  return {
    binds,
    symlinks,
    files: etcFiles(),
    directories: [...DIRECTORIES],
    environment: [`PATH=${PATH}`],
    workingDir: "/",
  };
}

function bind(path: string): HostBind {
  return { source: realpathSync(path), target: path, readOnly: true };
}

function etcFiles(): Skeleton["files"] {
  const generated = Object.entries(GENERATED).map(([path, text]) => ({ path, content: Buffer.from(text), mode: 0o644 }));
  const folder = existsSync(COPIED_FOLDER) ? readdirSync(COPIED_FOLDER).map((name) => join(COPIED_FOLDER, name)) : [];
  const copied = [...COPIED_FILES, ...folder.toSorted()].filter(isPublicFile);
  return [...generated, ...copied.map((path) => ({ path, content: readFileSync(path), mode: 0o644 }))];
}

/** What not everybody on the host may read does not belong into a container. */
function isPublicFile(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & OTHERS_READ) !== 0;
}
