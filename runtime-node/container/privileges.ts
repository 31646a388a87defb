import type { ServiceSpec } from "#contracts/service-spec.ts";
import { type CapabilityName, resolveCapabilities, UnknownCapabilityError } from "#kernel/capabilities.ts";
import { ARCHITECTURE } from "#kernel/linux-kernel.ts";
import { compileSeccomp } from "#kernel/seccomp/compile.ts";
import { DOCKER_DEFAULT_POLICY } from "#kernel/seccomp/docker-default.ts";
import { containerError } from "./errors.ts";

export interface Privileges {
  capabilities: CapabilityName[];
  /** `struct sock_filter[]`, base64. */
  seccompFilter: string;
}

/** Filters by capability set: nearly every container has the default one. */
const filters = new Map<string, string>();

/** What the container may do: Docker's default capabilities with the service's changes, and Docker's default seccomp policy for them. */
export function resolvePrivileges({ capAdd, capDrop }: Pick<ServiceSpec, "capAdd" | "capDrop">): Privileges {
  const capabilities = capabilitiesOf(capAdd, capDrop);
  const key = capabilities.join(",");
  const known = filters.get(key);
  if (known !== undefined) return { capabilities, seccompFilter: known };
  const program = compileSeccomp(DOCKER_DEFAULT_POLICY, { architecture: ARCHITECTURE, capabilities });
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
