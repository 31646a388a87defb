import { createHash } from "node:crypto";
import { PROJECT_NAME_PATTERN, RESOURCE_NAME_PATTERN } from "#contracts/names.ts";
import { storageError } from "./errors.ts";

/** Which volume: the project, and the volume's key in it. */
export interface VolumeKey {
  project: string;
  volume: string;
}

const PROJECT_NAME = new RegExp(PROJECT_NAME_PATTERN);
const VOLUME_NAME = new RegExp(RESOURCE_NAME_PATTERN);

/** `<project>_<volume>`, as docker and Compose name it. */
export const volumeName = ({ project, volume }: VolumeKey): string => `${project}_${volume}`;

/** The key of a volume that a service mounts without naming it: one for each instance and target. */
export function anonymousVolume(project: string, instanceId: string, target: string): VolumeKey {
  const place = createHash("sha256").update(target).digest("hex").slice(0, 8);
  return { project, volume: `${instanceId}-${place}` };
}

/** Both parts become folder names, so nothing but plain names passes. */
export function checkKey(key: VolumeKey): void {
  if (isKey(key)) return;
  throw storageError(
    "SLIPWAY_STORAGE_NAME_INVALID",
    `${JSON.stringify(key.volume)} of project ${JSON.stringify(key.project)} is no name for a volume`,
  );
}

/** Every key that a full name can stand for: both parts may hold underscores. */
export function keysOf(name: string): VolumeKey[] {
  const parts = name.split("_");
  return parts
    .slice(1)
    .map((_, index) => ({
      project: parts.slice(0, index + 1).join("_"),
      volume: parts.slice(index + 1).join("_"),
    }))
    .filter(isKey);
}

export const isKey = ({ project, volume }: VolumeKey): boolean => PROJECT_NAME.test(project) && VOLUME_NAME.test(volume);
