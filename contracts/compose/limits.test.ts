import { describe, expect, test } from "vitest";
import type { ServiceSpec } from "../service-spec.ts";
import { ComposeFileError } from "./errors.ts";
import { parseComposeFile } from "./parse-compose-file.ts";

function read(...lines: string[]): ServiceSpec {
  const text = ["services:", "  web:", "    image: host", ...lines.map((line) => `    ${line}`)].join("\n");
  return parseComposeFile({ text, environment: {}, directory: "/", projectName: "p" }).services["web"]!;
}

/** The errors of a file of one service, as `line:column code: message`. */
function refusals(...lines: string[]): string[] {
  try {
    read(...lines);
    return [];
  } catch (error) {
    if (!(error instanceof ComposeFileError)) throw error;
    return error.errors.map(({ code, message, place }) => `${place?.line}:${place?.column} ${code}: ${message}`);
  }
}

const MIB = 1024 ** 2;

describe("what a service may use", () => {
  test.each<[string, string[], ServiceSpec["limits"]]>([
    [
      "memory and swap together",
      ["mem_limit: 64m", "memswap_limit: 96m"],
      { memoryBytes: 64 * MIB, memoryAndSwapBytes: 96 * MIB },
    ],
    ["all swap", ["mem_limit: 64m", "memswap_limit: -1"], { memoryBytes: 64 * MIB, memoryAndSwapBytes: -1 }],
    ["swap as by default", ["mem_limit: 64m", "memswap_limit: 0"], { memoryBytes: 64 * MIB }],
    ["a reservation", ["mem_reservation: 32m"], { memoryReservationBytes: 32 * MIB }],
    [
      "a reservation under deploy",
      ["deploy: {resources: {reservations: {memory: 32M}}}"],
      { memoryReservationBytes: 32 * MIB },
    ],
    ["swappiness", ["mem_swappiness: 0"], { memorySwappiness: 0 }],
    ["a quota of the usual period", ["cpu_quota: 50000"], { cpus: 0.5 }],
    ["a quota of its own period", ["cpu_quota: 5000", "cpu_period: 20ms"], { cpus: 0.25, cpuPeriodUs: 20_000 }],
    ["no quota", ["cpu_quota: -1"], {}],
    ["shares, at least two", ["cpu_shares: 1"], { cpuShares: 2 }],
    ["everybody's shares", ["cpu_shares: 0"], {}],
    ["a set of CPUs", ['cpuset: "0-2, 5"'], { cpuset: "0-2,5" }],
  ])("is %s", (_, lines, limits) => {
    expect(read(...lines).limits).toEqual(limits);
  });

  test("is a part of a disk", () => {
    const lines = [
      "blkio_config:",
      "  weight: 300",
      "  weight_device: [{path: /dev/sda, weight: 400}]",
      "  device_read_bps: [{path: /dev/sda, rate: 12mb}]",
      "  device_read_iops: [{path: /dev/sda, rate: 120}]",
      "  device_write_bps: [{path: /dev/sda, rate: 1024k}]",
      "  device_write_iops: [{path: /dev/sdb, rate: 30}]",
    ];
    expect(read(...lines).limits.blockIo).toEqual({
      weight: 300,
      deviceWeights: [{ path: "/dev/sda", weight: 400 }],
      readBytes: [{ path: "/dev/sda", perSecond: 12 * MIB }],
      readOperations: [{ path: "/dev/sda", perSecond: 120 }],
      writeBytes: [{ path: "/dev/sda", perSecond: MIB }],
      writeOperations: [{ path: "/dev/sdb", perSecond: 30 }],
    });
  });

  test("are devices, short and long", () => {
    const { devices } = read(
      "devices: [/dev/fuse, '/dev/kmsg:/dev/messages:mr', '/dev/null:w', {source: /dev/kvm, target: /dev/x, permissions: rw}]",
    );
    expect(devices).toEqual([
      { source: "/dev/fuse", target: "/dev/fuse", access: "rwm" },
      { source: "/dev/kmsg", target: "/dev/messages", access: "rm" },
      { source: "/dev/null", target: "/dev/null", access: "w" },
      { source: "/dev/kvm", target: "/dev/x", access: "rw" },
    ]);
    expect(read()).not.toHaveProperty("devices");
    expect(read("oom_score_adj: -500").oomScoreAdj).toBe(-500);
  });

  test.each<[string, string[], RegExp]>([
    ["swap without a limit of memory", ["memswap_limit: 1g"], /^4:20 .*CONFLICT.*needs a mem_limit/],
    ["less with swap than without", ["mem_limit: 1g", "memswap_limit: 64m"], /^5:20 .*CONFLICT.*less than mem_limit/],
    ["more reserved than allowed", ["mem_limit: 64m", "mem_reservation: 65m"], /^5:22 .*CONFLICT.*more than the limit/],
    ["a quota and cpus", ["cpus: 1", "cpu_quota: 50000"], /^5:16 .*CONFLICT.*cpu_quota and cpus/],
    ["a period of nothing", ["cpu_period: 50000"], /^4:17 .*CONFLICT.*there is none/],
    ["a period that no kernel takes", ["cpu_quota: 1000", "cpu_period: 10"], /^5:17 .*VALUE.*1000 to 1000000/],
    ["a set of CPUs backwards", ['cpuset: "3-1"'], /^4:13 .*VALUE.*no list of CPUs/],
    ["swappiness over all", ["mem_swappiness: 101"], /^4:21 .*VALUE.*from 0 to 100/],
    ["an OOM score out of range", ["oom_score_adj: 2000"], /^4:20 .*VALUE.*-1000 to 1000/],
    ["a weight that no kernel takes", ["blkio_config: {weight: 5}"], /^4:28 .*VALUE.*from 10 to 1000/],
    ["a disk without a rate", ["blkio_config: {device_read_bps: [{path: /dev/sda}]}"], /^4:\d+ .*VALUE.*needs a rate/],
    ["a disk outside of /dev", ["blkio_config: {device_read_bps: [{path: /etc/x, rate: 1}]}"], /VALUE.*below \/dev/],
    ["an unknown key of a disk", ["blkio_config: {device_read_bsp: []}"], /UNKNOWN_KEY/],
    ["a device that climbs", ["devices: [/dev/../etc/shadow]"], /^4:15 .*VALUE.*no device/],
    ["an access that is none", ["devices: ['/dev/fuse:/dev/fuse:rwx']"], /^4:15 .*VALUE.*no access/],
    ["two devices for one path", ["devices: ['/dev/fuse:/dev/a', '/dev/kmsg:/dev/a']"], /^4:\d+ .*CONFLICT.*two devices/],
    ["CPUs that only a scheduler reserves", ["deploy: {resources: {reservations: {cpus: 1}}}"], /KEY_NOT_ENFORCED/],
  ])("is refused with its place: %s", (_, lines, expected) => {
    expect(refusals(...lines)).toEqual([expect.stringMatching(expected)]);
  });
});
