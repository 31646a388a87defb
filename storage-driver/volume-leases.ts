import { storageError } from "./errors.ts";
import type { VolumeAttachment } from "./volume-driver.ts";
import type { ReadyVolume } from "./volume-lifecycle.ts";
import { type VolumeLease, writeRecord } from "./volume-record.ts";

/** Who asks for a volume, and whether to write. */
export type LeaseRequest = Omit<VolumeLease, "since">;

/** Gives an instance the use of a volume. One that mounts it twice, once to write and once to read, is a writer. */
export async function grantLease(
  ready: ReadyVolume,
  request: LeaseRequest,
  signal: AbortSignal,
): Promise<VolumeAttachment> {
  const { record, driver, volume } = ready;
  const others = record.leases.filter(({ instanceId }) => instanceId !== request.instanceId);
  const { sharing } = await driver.capabilities(signal);
  if (sharing === "one-writer") refuseSecondWriter(ready, others, request);
  // The lease first: a crash may leave a lease too many, never an instance without one.
  const lease = record.leases.find((held) => isHeldBy(held, request)) ?? { ...request, since: new Date().toISOString() };
  await writeRecord(volume.folder, { ...record, leases: [...others, lease] });
  try {
    return await driver.attach(volume, signal);
  } catch (error) {
    await writeRecord(volume.folder, record);
    throw error;
  }
}

/** Ends the leases that `keeps` does not keep; the driver lets go of the volume before its last lease does. */
export async function keepLeases(
  ready: ReadyVolume,
  keeps: (lease: VolumeLease) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { record, driver, volume } = ready;
  const leases = record.leases.filter(keeps);
  if (leases.length === record.leases.length) return;
  if (leases.length === 0) await driver.detach(volume, signal);
  await writeRecord(volume.folder, { ...record, leases });
}

/** The same instance's, and allowing as much. */
function isHeldBy({ instanceId, access }: VolumeLease, request: LeaseRequest): boolean {
  return instanceId === request.instanceId && (access === "read-write" || request.access === "read-only");
}

export function refuseInUse({ record, volume }: ReadyVolume): void {
  if (record.leases.length === 0) return;
  const users = record.leases.map(({ instanceId }) => instanceId).join(", ");
  throw storageError("SLIPWAY_STORAGE_IN_USE", `volume ${volume.name} was not removed: it is used by ${users}`);
}

function refuseSecondWriter({ driver, volume }: ReadyVolume, others: readonly VolumeLease[], request: LeaseRequest): void {
  const writer = others.find(({ access }) => access === "read-write");
  if (writer === undefined || request.access === "read-only") return;
  throw storageError(
    "SLIPWAY_STORAGE_ONE_WRITER",
    `volume ${volume.name} is written by ${writer.instanceId}, and its driver ${driver.name} allows one writer at a time`,
  );
}
