import type { ServiceSpec } from "#contracts/service-spec.ts";
import { type CapabilityName, resolveCapabilities, UnknownCapabilityError } from "#kernel/capabilities.ts";
import { ARCHITECTURE } from "#kernel/linux-kernel.ts";
import { compileSeccomp } from "#kernel/seccomp/compile.ts";
import { DOCKER_DEFAULT_POLICY } from "#kernel/seccomp/docker-default.ts";
import { withoutSetIdFiles } from "#kernel/seccomp/without-set-id.ts";
import { containerError } from "./errors.ts";

export interface Privileges {
  capabilities: CapabilityName[];
  /** `struct sock_filter[]`, base64. */
  seccompFilter: string;
}

type PrivilegeSpec = Pick<ServiceSpec, "capAdd" | "capDrop" | "mounts">;

/** Filters by capability set and policy: nearly every container has the default ones. */
const filters = new Map<string, string>();

/**
 * What the container may do: Docker's default capabilities with the service's changes, and Docker's default seccomp policy for them. One
 * that writes to a directory of the host gives no file there more than its mode says: no set-user-id, set-group-id or file capabilities,
 * which whoever runs the file on the host would have. `cap_add: [FSETID]` or `[SETFCAP]` takes that back.
 */
export function resolvePrivileges({ capAdd, capDrop, mounts }: PrivilegeSpec): Privileges {
  const writesToHost = mounts.some((mount) => mount.type === "bind" && !mount.readOnly);
  const withheld = writesToHost && !capAdd.includes("SETFCAP") ? ["SETFCAP"] : [];
  const capabilities = capabilitiesOf(capAdd, [...capDrop, ...withheld]);
  const noSetId = writesToHost && !capAdd.includes("FSETID");
  const key = `${noSetId ? "no set-id," : ""}${capabilities.join(",")}`;
  const known = filters.get(key);
  if (known !== undefined) return { capabilities, seccompFilter: known };
  const policy = noSetId ? withoutSetIdFiles(DOCKER_DEFAULT_POLICY) : DOCKER_DEFAULT_POLICY;
  const program = compileSeccomp(policy, { architecture: ARCHITECTURE, capabilities });
  const seccompFilter = Buffer.from(program).toString("base64");
  filters.set(key, seccompFilter);
  return { capabilities, seccompFilter };
}

function capabilitiesOf(add: readonly string[], drop: readonly string[]): CapabilityName[] {
  try {
    return resolveCapabilities({ add, drop });
  } catch (cause) {
    if (!(cause instanceof UnknownCapabilityError)) throw cause;
    throw containerError("SLIPWAY_CONTAINER_CAPABILITY_UNKNOWN", cause.message, { cause });
  }
}
