import { constants, type Stats } from "node:fs";
import { chmod, copyFile, lchown, link, lstat, lutimes, mkdir, open, readdir, readlink, symlink } from "node:fs/promises";
import { CONSTANTS } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { copyExtendedAttributes } from "./extended-attributes.ts";

const PERMISSIONS = 0o7777;
const S_IFIFO = 0o010000;

/**
 * Copies what is in one directory into another, empty one, and gives that one the first one's owner, mode, attributes and times: files,
 * directories, symbolic and hard links, FIFOs. All of it is on the disk when this resolves. Names are bytes. Devices and sockets are left out: a volume is mounted nodev, and a socket
 * without its server is nothing. Nobody else may write into the target meanwhile.
 */
export async function copyTree(kernel: Kernel, source: string, target: string, signal: AbortSignal): Promise<void> {
  const copy = new TreeCopy(kernel, signal);
  await copy.fill(Buffer.from(source), Buffer.from(target));
}

class TreeCopy {
  readonly #kernel: Kernel;
  readonly #signal: AbortSignal;
  /** Where a file with several names has been copied to, by device and inode. */
  readonly #linked = new Map<string, Buffer>();

  constructor(kernel: Kernel, signal: AbortSignal) {
    this.#kernel = kernel;
    this.#signal = signal;
  }

  async fill(source: Buffer, target: Buffer): Promise<void> {
    for (const name of await readdir(source, { encoding: "buffer" })) {
      this.#signal.throwIfAborted();
      await this.#copy(within(source, name), within(target, name));
    }
    // `/.`: the directory itself, where its path is the symbolic link of an fd.
    const self = within(source, Buffer.from("."));
    await this.#describe(self, target, await lstat(self));
    await sync(target);
  }

  async #copy(source: Buffer, target: Buffer): Promise<void> {
    const stat = await lstat(source);
    if (stat.isDirectory()) {
      await mkdir(target, { mode: 0o700 });
      return this.fill(source, target);
    }
    if (await this.#linkAgain(stat, target)) return;
    if (stat.isFile()) await copyFile(source, target, constants.COPYFILE_EXCL);
    else if (stat.isSymbolicLink()) await symlink(await readlink(source, { encoding: "buffer" }), target);
    else if (stat.isFIFO()) this.#kernel.call("mknodat", CONSTANTS.AT_FDCWD, terminated(target), S_IFIFO | 0o600, 0);
    else return;
    await this.#describe(source, target, stat);
    if (stat.isFile()) await sync(target);
  }

  async #linkAgain({ nlink, dev, ino }: Stats, target: Buffer): Promise<boolean> {
    if (nlink === 1) return false;
    const key = `${dev}:${ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, target);
    else await link(first, target);
    return first !== undefined;
  }

  /** In this order: chown(2) clears the setuid bit and the file capability. */
  async #describe(source: Buffer, target: Buffer, stat: Stats): Promise<void> {
    await lchown(target, stat.uid, stat.gid);
    if (!stat.isSymbolicLink()) await chmod(target, stat.mode & PERMISSIONS);
    copyExtendedAttributes(this.#kernel, terminated(source), terminated(target));
    await lutimes(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
  }
}

async function sync(path: Buffer): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

const within = (directory: Buffer, name: Buffer): Buffer => Buffer.concat([directory, Buffer.from("/"), name]);
const terminated = (path: Buffer): Buffer => Buffer.concat([path, Buffer.from([0])]);
