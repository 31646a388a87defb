import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./command.ts";
import { nodeTestFiles } from "./files.ts";
import { writeInitramfs } from "./initramfs.ts";
import { ensureKernel, type KernelPackage } from "./kernel-package.ts";
import { runMachine } from "./machine.ts";

const ROOT = join(import.meta.dirname, "../..");
const CACHE = join(ROOT, ".slipway/cache/vm");
const REPORT = join(ROOT, ".slipway/test/vm.json");
const DISK_BYTES = 8 * 1024 ** 3;
/** Inside the guest. */
const DISK_FOLDER = "/slipway-disk";
const TIME_LIMIT_MS = Number(process.env.SLIPWAY_VM_TIMEOUT_SECONDS ?? 2400) * 1000;

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The files that guest.sh reads in the job folder. */
async function writeJob(job: string, kernel: KernelPackage, tests: readonly string[]): Promise<void> {
  const settings = {
    KERNEL_VERSION: kernel.version,
    KERNEL_MODULES: join(kernel.folder, "lib/modules", kernel.version),
    SLIPWAY_TEST_DISK: DISK_FOLDER,
    SLIPWAY_TEST_VM: kernel.version,
    CHECKOUT: ROOT,
    // The console is a terminal; with CI set, vitest prints each line once all the same.
    CI: "true",
    PATH: `${join(ROOT, "node_modules/.bin")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  await writeFile(join(job, "settings"), lines.join(""));
  const vitest = ["node", "node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json"];
  const command = [...vitest, "--outputFile.json=/slipway-job/vm.json", ...tests];
  await writeFile(join(job, "command.sh"), `exec ${command.map(quote).join(" ")}\n`);
  await copyFile(join(import.meta.dirname, "guest.sh"), join(job, "guest.sh"));
}

async function makeDisk(file: string): Promise<void> {
  const handle = await open(file, "w");
  await handle.truncate(DISK_BYTES).finally(() => handle.close());
  await run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", file]);
}

/** The command's exit code; undefined when the guest died or ran out of time before it had one. */
async function readExitCode(job: string): Promise<number | undefined> {
  const text = await readFile(join(job, "exit-code"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}

async function main(filters: readonly string[]): Promise<number> {
  if (process.arch !== "x64")
    throw new Error(`the virtual machine's kernel is built for x86-64, this machine is ${process.arch}`);
  const tests = await nodeTestFiles(ROOT, filters);
  if (tests.length === 0) throw new Error(`no node test matches ${filters.join(" ")}`);
  const kernel = await ensureKernel(CACHE);
  const job = await mkdtemp(join(tmpdir(), "slipway-vm-"));
  const stopped = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort(new Error(name)));
  const timeout = AbortSignal.timeout(TIME_LIMIT_MS);
  try {
    const [initramfs, disk] = [join(job, "initramfs"), join(job, "disk.img")];
    await Promise.all([writeInitramfs(kernel, initramfs), makeDisk(disk), writeJob(job, kernel, tests)]);
    process.stdout.write(`vm: ${tests.length} test files on Linux ${kernel.version}\n`);
    const spec = { kernelImage: kernel.image, initramfs, jobFolder: job, disk, processors: 2, memoryMegabytes: 4096 };
    await runMachine(spec, AbortSignal.any([timeout, stopped.signal]));
    await mkdir(join(REPORT, ".."), { recursive: true });
    await rm(REPORT, { force: true });
    await copyFile(join(job, "vm.json"), REPORT).catch(() => undefined);
    const exitCode = await readExitCode(job);
    if (exitCode === undefined) {
      process.stdout.write(
        `vm: ended without an exit code${timeout.aborted ? `, after ${TIME_LIMIT_MS / 1000} seconds` : ""}\n`,
      );
    }
    return exitCode ?? 1;
  } finally {
    await rm(job, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
