import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  CAPABILITIES,
  CAPABILITY_NAMES,
  DEFAULT_CAPABILITIES,
  UnknownCapabilityError,
  capabilityMask,
  resolveCapabilities,
} from "./capabilities.ts";

const HEADER = "/usr/include/linux/capability.h";

describe("capabilities", () => {
  it("have the numbers of the kernel's header", (test) => {
    if (!existsSync(HEADER)) test.skip(`${HEADER} is not here (linux-libc-dev)`);
    const header = readFileSync(HEADER, "utf8");
    const defined = [...header.matchAll(/^#define CAP_([A-Z_]+)\s+(\d+)$/gm)].map(([, name, number]) => [
      name,
      Number(number),
    ]);
    expect(defined.length).toBeGreaterThan(38);
    expect(Object.fromEntries(defined)).toEqual(CAPABILITIES);
  });

  it("are all known to this kernel", () => {
    const last = Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8"));
    expect(last).toBe(CAPABILITY_NAMES.length - 1);
  });

  it("default to docker's fourteen, whose mask docker shows as 00000000a80425fb", () => {
    expect(resolveCapabilities({})).toEqual(DEFAULT_CAPABILITIES);
    expect(capabilityMask(DEFAULT_CAPABILITIES).toString(16)).toBe("a80425fb");
  });

  it("are dropped first and added afterwards, in any spelling", () => {
    expect(resolveCapabilities({ drop: ["cap_chown", "Kill"], add: ["net_admin", "CAP_KILL"] })).toEqual(
      CAPABILITY_NAMES.filter((name) => name === "NET_ADMIN" || (name !== "CHOWN" && DEFAULT_CAPABILITIES.includes(name))),
    );
  });

  it("are only what is added when ALL is dropped", () => {
    expect(resolveCapabilities({ drop: ["ALL"] })).toEqual([]);
    expect(resolveCapabilities({ drop: ["all"], add: ["SYS_TIME", "CHOWN"] })).toEqual(["CHOWN", "SYS_TIME"]);
  });

  it("are everything but what is dropped by name when ALL is added", () => {
    expect(resolveCapabilities({ add: ["ALL"] })).toEqual(CAPABILITY_NAMES);
    expect(resolveCapabilities({ add: ["ALL"], drop: ["SYS_ADMIN"] })).toEqual(
      CAPABILITY_NAMES.filter((name) => name !== "SYS_ADMIN"),
    );
  });

  it("refuse a name that does not exist and list those that do", () => {
    expect(() => resolveCapabilities({ add: ["SYS_ADMINN"] })).toThrow(UnknownCapabilityError);
    expect(() => resolveCapabilities({ drop: ["toString"] })).toThrow(/no capability "toString"; there are ALL, CHOWN,/);
  });
});
