import { type Static, Type } from "typebox";
import { Healthcheck } from "#contracts/service-spec.ts";
import { LONGEST_DURATION_MS } from "#contracts/wire-names.ts";
import type { HealthConfig, ImageConfigFile } from "./oci-schemas.ts";

/** docker's defaults for what an image's health check leaves out. */
const HEALTH_DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, startIntervalMs: 5_000, retries: 3 };
const NANOSECONDS = 1_000_000;

/** What an image says about the process that runs on it (image-spec, config.md), resolved: nothing is absent but what has no default. */
export const ImageConfig = Type.Object({
  /** `user[:group]`; empty is root. */
  user: Type.String(),
  /** `NAME=value` */
  env: Type.Array(Type.String()),
  /** Empty is `/`. */
  workingDir: Type.String(),
  entrypoint: Type.Array(Type.String()),
  command: Type.Array(Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
  stopSignal: Type.Optional(Type.String()),
  /** `80/tcp` */
  exposedPorts: Type.Array(Type.String()),
  /** Absolute paths of anonymous volumes. */
  volumes: Type.Array(Type.String()),
  /** Absent also where the image says NONE. */
  healthcheck: Type.Optional(Healthcheck),
});
export type ImageConfig = Static<typeof ImageConfig>;

/** An image that is here, unpacked. */
export interface Image {
  /** As a person writes it. */
  reference: string;
  /** Of the manifest for this machine's platform. */
  digest: string;
  architecture: string;
  /** Absolute directories, bottom to top: overlayfs's lowerdir takes them in the opposite order. */
  layers: string[];
  config: ImageConfig;
  /** Of its blobs, as they came: mostly compressed. */
  sizeBytes: number;
  /** RFC 3339; null when the image does not say. */
  createdAt: string | null;
}

export function toImageConfig(file: ImageConfigFile): ImageConfig {
  const config = file.config ?? {};
  const healthcheck = toHealthcheck(config.Healthcheck ?? undefined);
  return {
    user: config.User ?? "",
    env: config.Env ?? [],
    workingDir: config.WorkingDir ?? "",
    entrypoint: config.Entrypoint ?? [],
    command: config.Cmd ?? [],
    labels: config.Labels ?? {},
    ...(config.StopSignal === undefined || config.StopSignal === "" ? {} : { stopSignal: config.StopSignal }),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    volumes: Object.keys(config.Volumes ?? {}),
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

function toHealthcheck(health: HealthConfig | undefined): Healthcheck | undefined {
  const test = health?.Test ?? [];
  if (health === undefined || test.length < 2) return undefined;
  const milliseconds = (value: number | undefined, fallback: number): number =>
    value === undefined || value <= 0 ? fallback : clamp(Math.round(value / NANOSECONDS), 1, LONGEST_DURATION_MS);
  return {
    test,
    intervalMs: milliseconds(health.Interval, HEALTH_DEFAULTS.intervalMs),
    timeoutMs: milliseconds(health.Timeout, HEALTH_DEFAULTS.timeoutMs),
    startPeriodMs: milliseconds(health.StartPeriod, HEALTH_DEFAULTS.startPeriodMs),
    startIntervalMs: milliseconds(health.StartInterval, HEALTH_DEFAULTS.startIntervalMs),
    retries: health.Retries === undefined || health.Retries < 1 ? HEALTH_DEFAULTS.retries : Math.round(health.Retries),
  };
}

const clamp = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
