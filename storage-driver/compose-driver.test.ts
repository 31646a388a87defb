import { describe, expect, it } from "vitest";
import { chooseDriver } from "./compose-driver.ts";

const spec = (driver: string, driverOptions: Record<string, string>) => ({
  name: "cache",
  driver,
  driverOptions,
  labels: {},
});

describe("the driver of a Compose volume", () => {
  it("is the one that it names, with its options", () => {
    expect(chooseDriver(spec("local", {}))).toEqual({ driver: "local", options: {} });
    expect(chooseDriver(spec("tmpfs", { size: "64m" }))).toEqual({ driver: "tmpfs", options: { size: "64m" } });
    expect(chooseDriver(spec("local", { colour: "blue" }))).toEqual({ driver: "local", options: { colour: "blue" } });
  });

  it("is tmpfs for the local driver's type tmpfs, in docker's spelling and ours", () => {
    const docker = { type: "tmpfs", device: "tmpfs", o: "size=64m,uid=1000" };
    expect(chooseDriver(spec("local", docker))).toEqual({ driver: "tmpfs", options: { size: "64m", uid: "1000" } });
    expect(chooseDriver(spec("local", { type: "tmpfs", size: "1g" }))).toEqual({
      driver: "tmpfs",
      options: { size: "1g" },
    });
    expect(chooseDriver(spec("local", { type: "tmpfs" }))).toEqual({ driver: "tmpfs", options: {} });
  });

  it("is refused for other types and devices", () => {
    const invalid = expect.objectContaining({ code: "SLIPWAY_STORAGE_OPTION_INVALID" });
    expect(() => chooseDriver(spec("local", { type: "none", o: "bind", device: "/srv" }))).toThrow(invalid);
    expect(() => chooseDriver(spec("local", { type: "tmpfs", device: "/dev/sda1" }))).toThrow(invalid);
  });
});
