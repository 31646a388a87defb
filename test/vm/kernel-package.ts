import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { findDependency, openAptSource } from "./apt-source.ts";
import { run } from "./command.ts";

/** What is tested, and the suite of Debian that has it. 6.1 is the oldest kernel that Slipway supports. */
const SUITES = { "6.1": "bookworm", "6.12": "bookworm-backports" } as const;
const META_PACKAGE = "linux-image-amd64";

export type KernelSeries = keyof typeof SUITES;
export const KERNEL_SERIES = Object.keys(SUITES) as KernelSeries[];

export interface KernelPackage {
  series: KernelSeries;
  /** `6.1.0-41-amd64` */
  version: string;
  image: string;
  /** The folder that holds `lib/modules/<version>`. */
  folder: string;
}

/** Debian's kernel, unpacked into the cache (not installed); downloaded once for each version of it. */
export async function ensureKernel(cache: string, series: KernelSeries): Promise<KernelPackage> {
  await mkdir(cache, { recursive: true });
  const kept = await newestKept(cache, series);
  if (kept !== undefined) return describe(cache, series, kept);
  const source = await openAptSource(cache, SUITES[series]);
  const name = await findDependency(source, META_PACKAGE, packagePattern(series, "linux-image-"));
  const work = await mkdtemp(join(cache, "download-"));
  try {
    process.stdout.write(`vm: downloading ${name}\n`);
    await run("apt-get", [...source.options, "-qq", "download", name], work);
    const [archive] = (await readdir(work)).filter((file) => file.endsWith(".deb"));
    const unpacked = join(work, "unpacked");
    await run("dpkg", ["-x", join(work, archive!), unpacked]);
    const version = name.replace("linux-image-", "");
    await run("depmod", ["-b", unpacked, version]);
    await rename(unpacked, join(cache, version));
    return describe(cache, series, version);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function newestKept(cache: string, series: KernelSeries): Promise<string | undefined> {
  const kept = (await readdir(cache)).filter((name) => packagePattern(series, "").test(name));
  return kept.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
}

/** The meta package also names its documentation and, on Ubuntu's mirrors, other flavours. */
function packagePattern(series: KernelSeries, prefix: string): RegExp {
  return new RegExp(String.raw`^${prefix}${series.replace(".", String.raw`\.`)}\.\S+-amd64$`);
}

function describe(cache: string, series: KernelSeries, version: string): KernelPackage {
  const folder = join(cache, version);
  return { series, version, image: join(folder, `boot/vmlinuz-${version}`), folder };
}
