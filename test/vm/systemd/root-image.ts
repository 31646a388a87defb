import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAptSource } from "../apt-source.ts";
import { run } from "../command.ts";

/** Debian 12: systemd 252, the oldest that a machine with Linux 6.1 is likely to have. */
const SUITE = "bookworm";
/** Beside a minimal Debian: an init, what loads modules and profiles, what Node is linked with, what the tests look with. */
const PACKAGES = ["systemd", "systemd-sysv", "udev", "kmod", "apparmor", "libatomic1", "iproute2", "nftables", "procps"];
const DISK_BYTES = 4 * 1024 ** 3;

/** Runs what the job folder says when everything else is up; its output is the machine's console. */
const TEST_UNIT = `[Unit]
Description=The tests of this boot
After=multi-user.target

[Service]
ExecStart=/bin/sh /slipway-job/guest.sh
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/ttyS0
`;

/** The image of a Debian that boots systemd; made once for each list of packages. */
export async function ensureRootImage(cache: string): Promise<string> {
  const recipe = await readFile(import.meta.filename);
  const image = join(cache, `systemd-${createHash("sha256").update(recipe).digest("hex").slice(0, 12)}.ext4`);
  if (await stat(image).catch(() => undefined)) return image;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "root-"));
  try {
    process.stdout.write(`vm: making a Debian ${SUITE} with systemd\n`);
    const root = join(work, "root");
    const { line } = await openAptSource(cache, SUITE);
    await run("mmdebstrap", ["--quiet", "--variant=minbase", `--include=${PACKAGES.join(",")}`, SUITE, root, line]);
    await prepare(root);
    await makeImage(root, join(work, "image"));
    await rename(join(work, "image"), image);
    return image;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function prepare(root: string): Promise<void> {
  await writeFile(join(root, "etc/systemd/system/slipway-test.service"), TEST_UNIT);
  const wants = join(root, "etc/systemd/system/multi-user.target.wants");
  await mkdir(wants, { recursive: true });
  await symlink("../slipway-test.service", join(wants, "slipway-test.service"));
  // A login prompt would hang up the console that the tests write to.
  await symlink("/dev/null", join(root, "etc/systemd/system/serial-getty@ttyS0.service"));
  await writeFile(join(root, "etc/hostname"), "slipway-vm\n");
  await writeFile(join(root, "etc/fstab"), "");
  // An empty one is filled at the first boot and kept: one with "uninitialized" would make each boot the first.
  await writeFile(join(root, "etc/machine-id"), "");
  for (const path of ["slipway-job", "host", "overlay"]) await mkdir(join(root, path), { recursive: true });
}

async function makeImage(root: string, image: string): Promise<void> {
  const handle = await open(image, "w");
  await handle.truncate(DISK_BYTES).finally(() => handle.close());
  await run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-d", root, image]);
}
