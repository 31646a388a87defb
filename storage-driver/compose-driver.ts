import type { VolumeSpec } from "#contracts/project-spec.ts";
import { storageError } from "./errors.ts";

export interface DriverChoice {
  driver: string;
  options: Record<string, string>;
}

/**
 * The driver that a Compose volume asks for. Docker's own spelling of a tmpfs volume is the local driver with mount(8)'s words (`type: tmpfs`,
 * `device: tmpfs`, `o: size=64m`); here that is the driver tmpfs.
 */
export function chooseDriver(spec: VolumeSpec): DriverChoice {
  const { driver, driverOptions } = spec;
  if (driver !== "local" || driverOptions["type"] === undefined) return { driver, options: driverOptions };
  const { type, device, o, ...rest } = driverOptions;
  if (type !== "tmpfs") {
    throw storageError(
      "SLIPWAY_STORAGE_OPTION_INVALID",
      `volume ${spec.name} asks the local driver for type ${type}, of which it has only tmpfs`,
      {
        remedy: "For a directory of the host, mount it in the service's `volumes` by its path instead.",
      },
    );
  }
  if (device !== undefined && device !== "tmpfs") {
    throw storageError(
      "SLIPWAY_STORAGE_OPTION_INVALID",
      `volume ${spec.name} names device ${device} for a tmpfs, which has none`,
    );
  }
  return { driver: "tmpfs", options: { ...rest, ...mountOptions(o) } };
}

/** mount(8)'s option string: `size=64m,mode=755`. */
function mountOptions(text: string | undefined): Record<string, string> {
  const parts = (text ?? "").split(",").filter((part) => part !== "");
  return Object.fromEntries(
    parts.map((part) => {
      const [name = "", ...value] = part.split("=");
      return [name, value.join("=")];
    }),
  );
}
