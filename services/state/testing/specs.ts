import type { DesiredProject, ProjectSpec } from "#contracts/project-spec.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";

/** A service that runs and does nothing else; `changes` make it what a test needs. */
export function service(name: string, changes: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name,
    image: "host",
    environment: {},
    ports: [],
    expose: [],
    mounts: [],
    networks: [{ name: "default", aliases: [] }],
    dependsOn: {},
    healthcheckDisabled: false,
    restart: { name: "no" },
    stopGracePeriodMs: 10_000,
    readOnly: false,
    capAdd: [],
    capDrop: [],
    limits: {},
    labels: {},
    init: false,
    replicas: 1,
    slipway: { routes: [], publishes: [], subscribes: [], requests: [], serves: [] },
    ...changes,
  };
}

export function project(name: string, services: ServiceSpec[], changes: Partial<ProjectSpec> = {}): ProjectSpec {
  return {
    name,
    services: Object.fromEntries(services.map((spec) => [spec.name, spec])),
    networks: { default: { name: "default", internal: false, labels: {} } },
    volumes: {},
    ...changes,
  };
}

export function desired(spec: ProjectSpec, changes: Partial<DesiredProject> = {}): DesiredProject {
  return { spec, generation: 1, appliedAt: "2026-01-01T00:00:00.000Z", stopped: [], ...changes };
}

/** `depends_on` with one condition for all. */
export function dependsOn(
  condition: ServiceSpec["dependsOn"][string]["condition"],
  ...names: string[]
): ServiceSpec["dependsOn"] {
  return Object.fromEntries(names.map((name) => [name, { condition, required: true, restart: false }]));
}

export const HEALTHCHECK = {
  test: ["CMD", "true"],
  intervalMs: 1_000,
  timeoutMs: 1_000,
  startPeriodMs: 0,
  startIntervalMs: 1_000,
  retries: 3,
};
