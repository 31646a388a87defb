import { constants, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT, GUEST_PATH, vitestCommand } from "../checkout.ts";
import { writeInitramfs } from "../initramfs.ts";
import { Job } from "../job.ts";
import { ensureKernel, type KernelPackage } from "../kernel-package.ts";
import { runMachine } from "../machine.ts";
import { keepReport, removeReport } from "../reports.ts";
import { layOutPackage, PACKAGE_IN_GUEST } from "./package.ts";
import { ensureRootImage } from "./root-image.ts";

/** In order, on one disk. */
const BOOTS = ["first-boot", "second-boot"] as const;
const KERNEL = "6.1";
/** What a person needs of a journal when a test failed. */
const JOURNAL_LINES = 150;
const reportOf = (boot: string): string => `vm-systemd-${boot}.json`;

/** Boots a Debian with systemd, then boots it again; returns the first exit code that is not 0, 1 for a guest that had none. */
export async function runSystemdTests(cache: string, signal: AbortSignal): Promise<number> {
  for (const boot of BOOTS) await removeReport(reportOf(boot));
  const [kernel, image] = [await ensureKernel(cache, KERNEL), await ensureRootImage(cache)];
  await using disk = await Job.create();
  await copyFile(image, disk.path("disk.img"), constants.COPYFILE_FICLONE);
  await layOutPackage(disk.path("package"));
  let failed = 0;
  for (const boot of BOOTS) {
    process.stdout.write(`vm: systemd on Linux ${kernel.version}, ${boot}\n`);
    const exitCode = await runBoot(kernel, boot, disk, signal);
    failed ||= exitCode;
    if (signal.aborted) return 1;
  }
  return failed;
}

async function runBoot(kernel: KernelPackage, boot: string, machine: Job, signal: AbortSignal): Promise<number> {
  await using job = await Job.create();
  await writeInitramfs(kernel, "systemd/init.sh", job.path("initramfs"));
  await job.writeSettings({
    KERNEL_VERSION: kernel.version,
    KERNEL_MODULES: join(kernel.folder, "lib/modules", kernel.version),
    SLIPWAY_TEST_VM: kernel.version,
    CHECKOUT,
    PACKAGE: machine.path("package"),
    PACKAGE_IN_GUEST,
    CI: "true",
    PATH: GUEST_PATH,
  });
  const tests = ["--config", "test/vm/systemd/vitest.config.ts", boot];
  await job.writeCommand(vitestCommand("/slipway-job/report.json", tests));
  await copyFile(join(import.meta.dirname, "guest.sh"), job.path("guest.sh"));
  const files = { initramfs: job.path("initramfs"), jobFolder: job.folder, disk: machine.path("disk.img") };
  await runMachine({ kernelImage: kernel.image, ...files }, signal);
  await keepReport(job.path("report.json"), reportOf(boot));
  await keepReport(job.path("journal"), `vm-systemd-${boot}.journal`);
  const exitCode = await job.readExitCode();
  if (exitCode === undefined) process.stdout.write(`vm: ${boot} ended without an exit code\n`);
  if (exitCode !== 0) await printJournal(job.path("journal"));
  return exitCode ?? 1;
}

async function printJournal(file: string): Promise<void> {
  const journal = await readFile(file, "utf8").catch(() => "");
  const lines = journal.split("\n").filter((line) => /slipway/.test(line));
  process.stdout.write(`${lines.slice(-JOURNAL_LINES).join("\n")}\n`);
}
