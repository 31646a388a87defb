import { chownSync, mkdirSync } from "node:fs";
import type { LaunchMount } from "../launch/container-launch.ts";

/** Where a container finds what the platform gives to it alone. A folder, so that a renewed file can replace the old one. */
export const SECRETS_TARGET = "/run/slipway";
export const CREDENTIALS_FILE = "nats.creds";
/** NATS_CREDS. */
export const CREDENTIALS_TARGET = `${SECRETS_TARGET}/${CREDENTIALS_FILE}`;

export function secretsMount(folder: string, owner: number): LaunchMount {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  chownSync(folder, owner, owner);
  return {
    kind: "bind",
    source: folder,
    target: SECRETS_TARGET,
    file: false,
    readOnly: true,
    idmap: null,
    recursive: false,
    propagation: "private",
    targetExists: false,
  };
}
