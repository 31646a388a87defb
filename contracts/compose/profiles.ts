import type { ServiceSpec } from "../service-spec.ts";
import type { VariableLookup } from "./interpolate.ts";
import type { Section } from "./section.ts";

/** Compose Specification, "profiles". */
const PROFILE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** The profiles in force: those asked for (`--profile`), else those of COMPOSE_PROFILES (a list with commas). `*` is all. */
export function activeProfiles(asked: readonly string[] | undefined, lookup: VariableLookup): ReadonlySet<string> {
  if (asked !== undefined && asked.length > 0) return new Set(asked);
  const named = (lookup("COMPOSE_PROFILES") ?? "").split(",").map((name) => name.trim());
  return new Set(named.filter((name) => name !== ""));
}

/**
 * Takes out the services whose profiles are not in force: a service without profiles always stays. A mistake in one that is taken out
 * is still a mistake of the file. Returns each of them with its profiles.
 */
export function dropInactive(
  services: Record<string, ServiceSpec>,
  file: Section,
  active: ReadonlySet<string>,
): ReadonlyMap<string, string[]> {
  const inactive = new Map<string, string[]>();
  for (const name of Object.keys(services)) {
    const profiles = readProfiles(file.section("services")?.section(name));
    if (profiles.length === 0 || active.has("*") || profiles.some((profile) => active.has(profile))) continue;
    inactive.set(name, profiles);
    delete services[name];
  }
  if (inactive.size > 0 && Object.keys(services).length === 0) failEmpty(file, [...inactive.values()].flat());
  return inactive;
}

/** Applied as it is, such a file would take everything down: that is what `down` is for. */
function failEmpty(file: Section, profiles: readonly string[]): void {
  const message = `all services of the file belong to ${listed([...new Set(profiles)])}, and none of them is in force`;
  file.fail("SLIPWAY_COMPOSE_NO_SERVICES", message, file.placeOf("services"), {
    remedy: `Add --profile ${profiles[0]}, or set COMPOSE_PROFILES.`,
  });
}

function readProfiles(service: Section | undefined): string[] {
  return (service?.scalars("profiles") ?? []).map(({ text, place }) => {
    if (!PROFILE_NAME.test(text)) {
      const message = `${service!.path}.profiles: ${JSON.stringify(text)} is no profile's name`;
      service!.fail("SLIPWAY_COMPOSE_NAME", message, place);
    }
    return text;
  });
}

/** A service that runs and one that it needs must be in force together: naming the one does not start the other. */
export function checkInactiveDependencies(
  services: Record<string, ServiceSpec>,
  inactive: ReadonlyMap<string, string[]>,
  file: Section,
): void {
  for (const spec of Object.values(services)) {
    for (const name of Object.keys(spec.dependsOn)) {
      const profiles = inactive.get(name);
      if (profiles === undefined) continue;
      const section = file.section("services")!.section(spec.name)!;
      const message = `services.${spec.name} depends on ${name}, which belongs to ${listed(profiles)}, and none of them is in force`;
      section.fail("SLIPWAY_COMPOSE_UNDEFINED", message, section.placeOf("depends_on"), {
        remedy: `Add --profile ${profiles[0]}, or mark the dependency \`required: false\`.`,
      });
    }
  }
}

function listed(profiles: readonly string[]): string {
  return profiles.length === 1 ? `the profile ${profiles[0]}` : `the profiles ${profiles.join(", ")}`;
}
