import type { Healthcheck } from "../service-spec.ts";
import { parseDurationMs } from "./quantities.ts";
import type { Section } from "./section.ts";

/** The Compose Specification's (and docker's) defaults. */
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, startIntervalMs: 5_000, retries: 3 };

/** `healthcheck`; "disabled" for `disable: true` and `test: NONE`, which switch the image's own off. */
export function readHealthcheck(service: Section): Healthcheck | "disabled" | undefined {
  const section = service.section("healthcheck");
  if (section === undefined) return undefined;
  if (section.boolean("disable") === true) return "disabled";
  const test = readTest(section);
  if (test === undefined || test === "disabled") return test;
  return {
    test,
    intervalMs: duration(section, "interval") ?? DEFAULTS.intervalMs,
    timeoutMs: duration(section, "timeout") ?? DEFAULTS.timeoutMs,
    startPeriodMs: duration(section, "start_period", 0) ?? DEFAULTS.startPeriodMs,
    startIntervalMs: duration(section, "start_interval") ?? DEFAULTS.startIntervalMs,
    retries: section.number("retries", { integer: true, minimum: 1 }) ?? DEFAULTS.retries,
  };
}

function readTest(section: Section): string[] | "disabled" | undefined {
  const value = section.get("test");
  if (value === undefined) {
    section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a test (or disable: true)`, section.place);
    return undefined;
  }
  if (value.kind === "scalar") return value.text === "NONE" ? "disabled" : ["CMD-SHELL", value.text];
  const [kind, ...words] = section.scalars("test").map(({ text }) => text);
  if (kind === "NONE" && words.length === 0) return "disabled";
  if (kind === "CMD" && words.length > 0) return [kind, ...words];
  if (kind === "CMD-SHELL" && words.length === 1) return [kind, ...words];
  const message = `${section.path}.test is a string, [CMD, command, argument…], [CMD-SHELL, line] or [NONE]`;
  section.fail("SLIPWAY_COMPOSE_VALUE", message, value.place);
  return undefined;
}

function duration(section: Section, name: string, minimumMs: 0 | 1 = 1): number | undefined {
  const value = section.parsedKey(name, parseDurationMs);
  if (value === undefined || value >= minimumMs) return value;
  section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path}.${name} is at least a millisecond`, section.placeOf(name));
  return undefined;
}
