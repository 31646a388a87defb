import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";

const APPS = join(import.meta.dirname, "apps");

/** A service of one of the applications in `apps/`, for a Compose file (which may be JSON, since YAML contains it). */
export function appService(app: "echo" | "nats" | "resolve", more: object = {}): object {
  return {
    image: "host",
    command: ["/opt/slipway/bin/node", "/app/main.mjs"],
    volumes: [`${APPS}/${app}:/app:ro`, `${PACKAGE_ROOT}/node_modules:/node_modules:ro`],
    tmpfs: "/tmp",
    stop_grace_period: "5s",
    ...more,
  };
}

/** A health check that asks the echo application's /health; perl starts faster than Node. */
export const ECHO_HEALTHCHECK = {
  test: ["CMD", "test", "!", "-e", "/tmp/sick"],
  interval: "300ms",
  timeout: "3s",
  start_period: "10s",
  start_interval: "100ms",
  retries: 1,
};

/** A shell line as a service. */
export function shellService(line: string, more: object = {}): object {
  return { image: "host", command: ["sh", "-c", line.replaceAll("$", "$$$$")], stop_grace_period: "1s", ...more };
}

export const composeFile = (services: Record<string, object>, more: object = {}): string =>
  JSON.stringify({ services, ...more }, undefined, 2);
