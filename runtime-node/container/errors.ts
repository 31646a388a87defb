import { defineErrors } from "#contracts/slipway-error.ts";

export const CONTAINER_ERRORS = {
  SLIPWAY_CONTAINER_NO_COMMAND: { status: 400, remedy: "Give the service a `command` or an `entrypoint`." },
  SLIPWAY_CONTAINER_COMMAND_NOT_FOUND: {
    status: 400,
    exitCode: 127,
    remedy: "Check the spelling, and that the command is in the image and on its PATH.",
  },
  SLIPWAY_CONTAINER_COMMAND_NOT_EXECUTABLE: {
    status: 400,
    exitCode: 126,
    remedy:
      "Make the file executable (chmod +x), give a script an interpreter line, and check that it is built for this machine.",
  },
  SLIPWAY_CONTAINER_USER_UNKNOWN: { status: 400, remedy: "Name a user of the image's /etc/passwd, or give a number." },
  SLIPWAY_CONTAINER_LAUNCH_FAILED: {
    status: 500,
    remedy: "Look at the step in `slipway inspect NAME --plan`, and at `slipway doctor` for what this kernel lacks.",
  },
  SLIPWAY_CONTAINER_BIND_SOURCE_MISSING: { status: 400, remedy: "Make the file or directory, or correct the path." },
  SLIPWAY_CONTAINER_BIND_SOURCE_LINK: {
    status: 400,
    remedy: "Look at who made the link and where it leads; name the place it should lead to itself, or use a volume.",
  },
  SLIPWAY_CONTAINER_NOT_IDMAPPABLE: {
    status: 400,
    remedy:
      "Put it on ext4, xfs, btrfs or another file system that can be idmapped, or use a named volume; `slipway doctor` shows what can.",
  },
  SLIPWAY_CONTAINER_VOLUME_NOT_FILLED: {
    status: 500,
    remedy: "Make room where volumes are kept (`slipway volume inspect` shows the path), then `slipway start NAME`.",
  },
  SLIPWAY_CONTAINER_PROPAGATION: { status: 400, remedy: "Use private or slave (rprivate, rslave)." },
  SLIPWAY_CONTAINER_PAUSED: { status: 409, remedy: "Let it go on first: `slipway unpause NAME`." },
  SLIPWAY_CONTAINER_NOT_RUNNING: { status: 409, remedy: "Start it first: `slipway start NAME`." },
  SLIPWAY_CONTAINER_NOT_HERE: { status: 404, remedy: "See `slipway ps -a` for the instances there are." },
  SLIPWAY_CONTAINER_NOT_LAUNCHED: { status: 409, remedy: "Look at its state and error with `slipway inspect NAME`." },
  SLIPWAY_CONTAINER_NOT_ATTACHED: { status: 408, remedy: "Run the command again; nothing was started." },
  SLIPWAY_CONTAINER_NO_DEVICE: { status: 400, remedy: "Load its driver on the node, or correct the path." },
  SLIPWAY_CONTAINER_CAPABILITY_UNKNOWN: { status: 400, remedy: "See capabilities(7) for the names." },
  SLIPWAY_CONTAINER_SIGNAL_UNKNOWN: { status: 400, remedy: "See signal(7) for the names." },
  SLIPWAY_CONTAINER_NO_FILES: {
    status: 503,
    remedy:
      "Raise the limit of the platform's processes (`LimitNOFILE=` of its systemd unit, `ulimit -n` of a shell) or the machine's (fs.file-max), then `slipway start NAME`.",
  },
  SLIPWAY_CONTAINER_DISK_FULL: {
    status: 507,
    remedy:
      "Free space on that disk (`slipway image rm`, `slipway volume rm`, old logs); it is then started without being asked again.",
  },
  SLIPWAY_CONTAINER_IDS_EXHAUSTED: { status: 507, remedy: "Remove instances that are no longer needed (`slipway rm`)." },
} as const;

export const containerError = defineErrors(CONTAINER_ERRORS);
