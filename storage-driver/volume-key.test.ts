import { describe, expect, it } from "vitest";
import { anonymousVolume, checkKey, keysOf, volumeName } from "./volume-key.ts";

describe("a volume's key", () => {
  it("is refused when a part is no plain name", () => {
    const hostile = ["../etc", "..", ".", "", "a/b", "/etc", "a\0b", "a b", "-a", "a\n", "ä", "a".repeat(64)];
    for (const name of hostile) {
      for (const key of [
        { project: "shop", volume: name },
        { project: name, volume: "data" },
      ]) {
        expect(() => checkKey(key)).toThrow(expect.objectContaining({ code: "SLIPWAY_STORAGE_NAME_INVALID" }));
      }
    }
    checkKey({ project: "shop-1_x", volume: "Data_2-y" });
  });

  it("is found again from its full name, wherever the underscores are", () => {
    const key = { project: "my_shop", volume: "db_data" };
    expect(keysOf(volumeName(key))).toEqual([
      { project: "my", volume: "shop_db_data" },
      key,
      { project: "my_shop_db", volume: "data" },
    ]);
    expect(keysOf("data")).toEqual([]);
    expect(keysOf("../_../etc")).toEqual([]);
  });

  it("is one for each instance and target when the volume is anonymous", () => {
    const key = anonymousVolume("shop", "0123456789ab", "/var/lib/data");
    checkKey(key);
    expect(key).toEqual(anonymousVolume("shop", "0123456789ab", "/var/lib/data"));
    expect(key).not.toEqual(anonymousVolume("shop", "0123456789ab", "/var/lib/other"));
    expect(key).not.toEqual(anonymousVolume("shop", "0123456789ac", "/var/lib/data"));
  });
});
