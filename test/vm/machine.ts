import { spawn } from "node:child_process";
import { once } from "node:events";

export interface MachineSpec {
  kernelImage: string;
  initramfs: string;
  /** Writable from inside, as the 9p share `job`. */
  jobFolder: string;
  /** A raw image, given as /dev/vda. */
  disk: string;
  /** Added to the kernel's command line. */
  kernelArguments?: string;
}

const PROCESSORS = 2;
const MEMORY_MEGABYTES = 4096;

const KERNEL_ARGUMENTS =
  "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check lsm=landlock,yama,apparmor,bpf";

/**
 * Emulation works everywhere; /dev/kvm may be there and still hang a guest (inside another virtual machine), so it is used when
 * asked for. Nehalem is the fastest processor to emulate.
 */
const ACCELERATOR =
  process.env.SLIPWAY_VM_ACCELERATOR === "kvm"
    ? ["-accel", "kvm", "-cpu", "host"]
    : ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"];

/** Boots a machine with this machine's `/` in it, prints its console, and returns when it has ended or the signal has ended it. */
export async function runMachine(spec: MachineSpec, signal: AbortSignal): Promise<void> {
  const child = spawn("qemu-system-x86_64", qemuArguments(spec), {
    stdio: ["ignore", "inherit", "inherit"],
    signal,
    killSignal: "SIGKILL",
  });
  // Its own exit status says nothing: the job folder has what counts.
  await once(child, "close").catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function qemuArguments(spec: MachineSpec): string[] {
  const share = (id: string, path: string, options: string): string[] => [
    "-fsdev",
    `local,id=${id},path=${path},security_model=none,multidevs=remap${options}`,
    "-device",
    `virtio-9p-pci,fsdev=${id},mount_tag=${id}`,
  ];
  const kernelArguments = [KERNEL_ARGUMENTS, spec.kernelArguments ?? ""].join(" ").trim();
  const options: string[][] = [
    ["-M", "q35", ...ACCELERATOR],
    ["-smp", String(PROCESSORS), "-m", String(MEMORY_MEGABYTES)],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none"],
    ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x1", "-device", "virtio-rng-pci"],
    share("host", "/", ",readonly=on"),
    share("job", spec.jobFolder, ""),
    ["-drive", `file=${spec.disk},format=raw,if=virtio,cache=unsafe`],
    ["-kernel", spec.kernelImage, "-initrd", spec.initramfs, "-append", kernelArguments],
  ];
  return options.flat();
}
