import { expect, test } from "vitest";
import { TestPlatform } from "./platform.ts";
import { remainsOf } from "./remains.ts";

test("a platform starts, runs a container, and leaves nothing on the machine", { timeout: 90_000 }, async () => {
  let home: string;
  {
    await using platform = await TestPlatform.start();
    home = platform.home;
    expect(await platform.slipway(["run", "--rm", "host", "echo", "hi"])).toMatchObject({ exitCode: 0, stdout: "hi\n" });
    expect(await remainsOf(home)).not.toEqual([]);
  }
  expect(await remainsOf(home)).toEqual([]);
});
