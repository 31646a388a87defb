import type { Attempt } from "../attempt.ts";
import { CGROUP_ATTEMPTS } from "./cgroups.ts";
import { DEVICE_ATTEMPTS } from "./devices.ts";
import { KERNEL_FILE_ATTEMPTS } from "./kernel-files.ts";
import { MOUNT_ATTEMPTS } from "./mounts.ts";
import { PROCESS_ATTEMPTS } from "./processes.ts";
import { SOCKET_ATTEMPTS } from "./sockets.ts";
import { SYSTEM_CALL_ATTEMPTS } from "./system-calls.ts";

export const ATTEMPTS: readonly Attempt[] = [
  ...MOUNT_ATTEMPTS,
  ...KERNEL_FILE_ATTEMPTS,
  ...DEVICE_ATTEMPTS,
  ...PROCESS_ATTEMPTS,
  ...SYSTEM_CALL_ATTEMPTS,
  ...SOCKET_ATTEMPTS,
  ...CGROUP_ATTEMPTS,
];
