/**
 * File names in archives are bytes, not always UTF-8. We carry them as strings with one character a byte (latin1), which keeps
 * every byte and works as a map's key, and turn them into what node:fs and the kernel take at the last moment.
 */
export type BytePath = string;

// oxlint-disable-next-line no-control-regex -- NUL to DEL is exactly what is the same in ASCII, latin1 and UTF-8.
const ASCII = /^[\x00-\x7f]*$/;

export function toBytePath(text: string): BytePath {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** For node:fs: the string itself where it is ASCII, which is the fast way, else its bytes. */
export function toFsPath(path: BytePath): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, "latin1");
}

/** For a system call: NUL-terminated bytes. */
export function toKernelPath(path: BytePath): Buffer {
  return Buffer.from(`${path}\0`, "latin1");
}

/** For messages. */
export function toDisplay(path: BytePath): string {
  return JSON.stringify(Buffer.from(path, "latin1").toString("utf8"));
}
