import type { ServiceStatus } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";

export function sampleInstance(change: Partial<ObservedInstance> = {}): ObservedInstance {
  return {
    instanceId: "0123456789ab",
    name: "shop-web-1",
    project: "shop",
    service: "web",
    index: 1,
    revision: "r1",
    node: "node",
    state: "running",
    health: "healthy",
    exitCode: null,
    oomKilled: false,
    pid: 4711,
    ip: "10.90.0.2",
    addresses: { default: "10.90.0.2" },
    ports: [],
    image: "host",
    imageDigest: null,
    createdAt: "2026-01-31T12:00:00.000Z",
    startedAt: "2026-01-31T12:00:00.100Z",
    finishedAt: null,
    restarts: 0,
    runSerial: 0,
    ...change,
  };
}

export function sampleStatus(
  service: string,
  state: ServiceStatus["state"],
  detail = "",
  running = state === "ready" ? 1 : 0,
): ServiceStatus {
  return { service, state, detail, replicas: 1, running, healthy: running };
}
