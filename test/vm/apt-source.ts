import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Apt folders of our own for one suite of Debian, its mirror that of this machine; nothing of the machine's apt is changed. */
export interface AptSource {
  /** What `apt-get` and `apt-cache` are to be given. */
  options: string[];
  /** A line of sources.list. */
  line: string;
}

/** @throws Error when the machine has no Debian mirror to ask */
export async function openAptSource(cache: string, suite: string): Promise<AptSource> {
  const folder = join(cache, "apt", suite);
  await Promise.all(
    ["lists/partial", "cache/archives/partial"].map((part) => mkdir(join(folder, part), { recursive: true })),
  );
  const line = `deb [signed-by=${KEYRING}] ${await debianMirror(suite)} ${suite} main`;
  const list = join(folder, "sources.list");
  await writeFile(list, `${line}\n`);
  const settings = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
  };
  return { options: Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]), line };
}

/** The package that a meta package stands for: the first of its dependencies that matches. */
export async function findDependency({ options, line }: AptSource, metaPackage: string, pattern: RegExp): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const shown = await run("apt-cache", [...options, "depends", metaPackage]).catch(() => "");
    return [...shown.matchAll(/Depends: (\S+)/g)].map(([, name]) => name!).find((name) => pattern.test(name));
  };
  const known = await find();
  if (known !== undefined) return known;
  await run("apt-get", [...options, "-qq", "update"]);
  const name = await find();
  if (name === undefined) throw new Error(`no dependency of ${metaPackage} in "${line}" matches ${pattern}`);
  return name;
}

async function debianMirror(suite: string): Promise<string> {
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
  throw new Error(`no Debian mirror in /etc/apt: ${suite} cannot be had on this machine`);
}
