import type { RouteSpec, SlipwayExtension } from "../service-spec.ts";
import { parseRouteHost, parseRoutePath, parseSubject } from "./subject.ts";
import type { Section } from "./section.ts";

/** `x-slipway`: routes and subjects. */
export function readSlipwayExtension(service: Section): SlipwayExtension {
  const section = service.section("x-slipway");
  if (section === undefined) return { routes: [], publishes: [], subscribes: [], requests: [], serves: [] };
  return {
    routes: readRoutes(section),
    publishes: readSubjects(section, "publishes"),
    subscribes: readSubjects(section, "subscribes"),
    requests: readSubjects(section, "requests"),
    serves: readSubjects(section, "serves"),
  };
}

function readRoutes(extension: Section): RouteSpec[] {
  const value = extension.get("route");
  if (value === undefined) return [];
  const items = value.kind === "list" ? value.items : [value];
  return items.flatMap((item) => {
    const section = extension.asSection(item, `${extension.path}.route`);
    return section === undefined ? [] : (readRoute(section) ?? []);
  });
}

function readRoute(section: Section): RouteSpec | undefined {
  for (const name of ["host", "port"]) {
    if (section.get(name) === undefined)
      section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a ${name}`, section.place);
  }
  const host = section.parsedKey("host", parseRouteHost);
  const path = section.parsedKey("path", parseRoutePath) ?? "/";
  const port = section.number("port", { integer: true, minimum: 1, maximum: 65_535 });
  return host === undefined || port === undefined ? undefined : { host, path, port };
}

function readSubjects(section: Section, name: string): string[] {
  return section.scalars(name).flatMap((scalar) => section.parsed(name, scalar, parseSubject) ?? []);
}
