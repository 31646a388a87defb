/** One file of an archive; its folders are made before it. */
export interface CpioFile {
  /** Without a leading slash. */
  path: string;
  mode: number;
  content: Uint8Array;
}

const FOLDER_MODE = 0o040755;
const FILE_TYPE = 0o100000;

/** An archive in cpio's newc form, as the kernel unpacks an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function writeCpio(folders: readonly string[], files: readonly CpioFile[]): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const folder of folders) parts.push(entry(inode++, folder, FOLDER_MODE, new Uint8Array()));
  for (const { path, mode, content } of files) parts.push(entry(inode++, path, FILE_TYPE | mode, content));
  parts.push(entry(0, "TRAILER!!!", 0, new Uint8Array()));
  return Buffer.concat(parts);
}

function entry(inode: number, name: string, mode: number, content: Uint8Array): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const links = 1;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, content.byteLength, 0, 0, 0, 0, nameBytes.byteLength, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([padded(Buffer.concat([header, nameBytes])), padded(content)]);
}

function padded(data: Uint8Array): Uint8Array {
  const missing = (4 - (data.byteLength % 4)) % 4;
  return missing === 0 ? data : Buffer.concat([data, Buffer.alloc(missing)]);
}
