import { readFile } from "node:fs/promises";

const CLOCK_TICKS_PER_SECOND = 100;

/** User and system time of a process and its children so far, in milliseconds (proc(5), /proc/pid/stat). */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean).map(Number);
  const theirs = await Promise.all(children.map(cpuMs));
  return theirs.reduce((sum, one) => sum + one, own);
}
