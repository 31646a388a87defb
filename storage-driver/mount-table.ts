import { readFile } from "node:fs/promises";

/** One mount of this mount namespace. */
export interface MountedPath {
  path: string;
  fileSystem: string;
}

/** The mounts at a path and below it, proc_pid_mountinfo(5). */
export async function mountsWithin(path: string): Promise<MountedPath[]> {
  const table = parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"));
  return table.filter((mount) => mount.path === path || mount.path.startsWith(`${path}/`));
}

export function parseMountInfo(text: string): MountedPath[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      // Optional fields end with a lone dash; the file system's type follows it.
      return { path: unescapePath(fields[4] ?? ""), fileSystem: fields[fields.indexOf("-") + 1] ?? "" };
    });
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescapePath(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
