import { parseArgs } from "node:util";
import { KERNEL_SERIES, type KernelSeries } from "./kernel-package.ts";

/** What one call of `npm run test:vm` boots, in this order: the node tests on each kernel, then systemd. */
export interface VmOptions {
  kernels: KernelSeries[];
  systemd: boolean;
  /** Parts of paths of node tests. */
  filters: string[];
}

/** `[--kernel 6.1|6.12]… [--systemd] [FILTER…]`; without any, everything. @throws RangeError */
export function parseVmOptions(args: readonly string[]): VmOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { kernel: { type: "string", multiple: true }, systemd: { type: "boolean", default: false } },
  });
  const named = values.kernel ?? [];
  const unknown = named.find((series) => !(KERNEL_SERIES as string[]).includes(series));
  if (unknown !== undefined) {
    throw new RangeError(`--kernel ${unknown}: the tests know ${KERNEL_SERIES.join(" and ")}`);
  }
  const everything = named.length === 0 && !values.systemd && positionals.length === 0;
  const onKernels = named.length > 0 || positionals.length > 0;
  return {
    kernels: KERNEL_SERIES.filter((series) => everything || (onKernels && (named.length === 0 || named.includes(series)))),
    systemd: everything || values.systemd,
    filters: positionals,
  };
}
