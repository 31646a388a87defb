import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";

/** Debian 12: Linux 6.1, the oldest kernel that Slipway supports. */
const RELEASE = "bookworm";
const META_PACKAGE = "linux-image-amd64";

export interface KernelPackage {
  /** `6.1.0-41-amd64` */
  version: string;
  image: string;
  /** The folder that holds `lib/modules/<version>`. */
  folder: string;
}

/** Debian's kernel, unpacked into the cache (not installed); downloaded once for each version of it. */
export async function ensureKernel(cache: string): Promise<KernelPackage> {
  await mkdir(cache, { recursive: true });
  const kept = await newestKept(cache);
  if (kept !== undefined) return describe(cache, kept);
  const apt = await aptOptions(cache);
  const name = await resolvePackage(apt);
  const work = await mkdtemp(join(cache, "download-"));
  try {
    process.stdout.write(`vm: downloading ${name}\n`);
    await run("apt-get", [...apt, "-qq", "download", name], work);
    const [archive] = (await readdir(work)).filter((file) => file.endsWith(".deb"));
    const unpacked = join(work, "unpacked");
    await run("dpkg", ["-x", join(work, archive!), unpacked]);
    const version = name.replace("linux-image-", "");
    await run("depmod", ["-b", unpacked, version]);
    await rename(unpacked, join(cache, version));
    return describe(cache, version);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function newestKept(cache: string): Promise<string | undefined> {
  const kept = (await readdir(cache)).filter((name) => /^6\.1\..*-amd64$/.test(name));
  return kept.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
}

function describe(cache: string, version: string): KernelPackage {
  const folder = join(cache, version);
  return { version, image: join(folder, `boot/vmlinuz-${version}`), folder };
}

async function resolvePackage(apt: readonly string[]): Promise<string> {
  const find = async (): Promise<string | undefined> =>
    /Depends: (linux-image-6\.1\.\S+-amd64)/.exec(
      await run("apt-cache", [...apt, "depends", META_PACKAGE]).catch(() => ""),
    )?.[1];
  const known = await find();
  if (known !== undefined) return known;
  await run("apt-get", [...apt, "-qq", "update"]);
  const name = await find();
  if (name === undefined) throw new Error(`apt knows no 6.1 kernel by ${META_PACKAGE} of ${RELEASE}`);
  return name;
}

/** On another release of Debian its mirror is asked for bookworm, through apt folders of our own. */
async function aptOptions(cache: string): Promise<string[]> {
  const system = await readFile("/etc/os-release", "utf8");
  if (system.includes(`VERSION_CODENAME=${RELEASE}`)) return [];
  const mirror = await debianMirror();
  const folder = join(cache, "apt");
  await Promise.all(
    ["lists/partial", "cache/archives/partial"].map((part) => mkdir(join(folder, part), { recursive: true })),
  );
  const list = join(folder, "sources.list");
  await writeFile(list, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${RELEASE} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
  };
  return Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

async function debianMirror(): Promise<string> {
  const parts = await readdir("/etc/apt/sources.list.d").catch(() => []);
  const files = ["/etc/apt/sources.list", ...parts.map((name) => join("/etc/apt/sources.list.d", name))];
  for (const file of files) {
    const text = await access(file).then(
      () => readFile(file, "utf8"),
      () => "",
    );
    const uri = /^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(\S+\/debian\/?)(?:\s|$)/m.exec(text)?.[1];
    if (uri !== undefined) return uri;
  }
  throw new Error(`no Debian mirror in /etc/apt: the kernel of ${RELEASE} cannot be had on this machine`);
}
