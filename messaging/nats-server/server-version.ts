/** A released version of nats-server. */
export interface ServerVersion {
  major: number;
  minor: number;
  patch: number;
}

/** Reads what `nats-server --version` prints (`nats-server: v2.10.24`); undefined when it is something else. */
export function parseServerVersion(output: string): ServerVersion | undefined {
  const match = /v?(\d+)\.(\d+)\.(\d+)/.exec(output);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

export const formatServerVersion = (version: ServerVersion): string => `${version.major}.${version.minor}.${version.patch}`;

/**
 * `sync_interval: always` exists from 2.10 on, and what it promises was broken from 2.10.7 to 2.10.22: without it an
 * acknowledged write is lost with the power.
 */
export function canKeepAcknowledgedWrites(version: ServerVersion): boolean {
  if (version.major !== 2) return version.major > 2;
  if (version.minor !== 10) return version.minor > 10;
  return version.patch < 7 || version.patch > 22;
}
