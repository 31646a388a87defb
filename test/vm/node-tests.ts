import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT, GUEST_PATH, vitestCommand } from "./checkout.ts";
import { nodeTestFiles } from "./files.ts";
import { makeDisk } from "./guest-disk.ts";
import { writeInitramfs } from "./initramfs.ts";
import { Job } from "./job.ts";
import { ensureKernel, type KernelPackage, type KernelSeries } from "./kernel-package.ts";
import { runMachine } from "./machine.ts";
import { keepReport, removeReport } from "./reports.ts";

const DISK_BYTES = 8 * 1024 ** 3;
/** Inside the guest. */
const DISK_FOLDER = "/slipway-disk";

/** Boots a kernel once and runs the node's tests on it; returns vitest's exit code, 1 when the guest did not get that far. */
export async function runNodeTests(
  cache: string,
  series: KernelSeries,
  filters: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const report = `vm-${series}.json`;
  await removeReport(report);
  const tests = await nodeTestFiles(CHECKOUT, series, filters);
  if (tests.length === 0) throw new Error(`no node test for ${series} matches ${filters.join(" ")}`);
  const kernel = await ensureKernel(cache, series);
  await using job = await Job.create();
  const [initramfs, disk] = [job.path("initramfs"), job.path("disk.img")];
  await Promise.all([
    writeInitramfs(kernel, "init.sh", initramfs),
    makeDisk(disk, DISK_BYTES),
    writeJob(job, kernel, tests),
  ]);
  process.stdout.write(`vm: ${tests.length} test files on Linux ${kernel.version}\n`);
  await runMachine({ kernelImage: kernel.image, initramfs, jobFolder: job.folder, disk }, signal);
  await keepReport(job.path("report.json"), report);
  const exitCode = await job.readExitCode();
  if (exitCode === undefined) process.stdout.write(`vm: Linux ${kernel.version} ended without an exit code\n`);
  return exitCode ?? 1;
}

/** The files that guest.sh reads in the job folder. */
async function writeJob(job: Job, kernel: KernelPackage, tests: readonly string[]): Promise<void> {
  await job.writeSettings({
    KERNEL_VERSION: kernel.version,
    KERNEL_MODULES: join(kernel.folder, "lib/modules", kernel.version),
    SLIPWAY_TEST_DISK: DISK_FOLDER,
    SLIPWAY_TEST_VM: kernel.version,
    CHECKOUT,
    // The console is a terminal; with CI set, vitest prints each line once all the same.
    CI: "true",
    PATH: GUEST_PATH,
  });
  await job.writeCommand(vitestCommand("/slipway-job/report.json", tests));
  await copyFile(join(import.meta.dirname, "guest.sh"), job.path("guest.sh"));
}
