import { afterAll, afterEach, beforeAll } from "vitest";
import { TestPlatform, type TestPlatformOptions } from "./platform.ts";

/** One platform for all tests of a file; when a test fails, the ends of its logs are printed. */
export function usePlatform(options: TestPlatformOptions = {}): () => TestPlatform {
  let platform: TestPlatform | undefined;
  beforeAll(async () => {
    platform = await TestPlatform.start(options);
  }, 90_000);
  afterEach(({ task }) => {
    if (task.result?.state === "fail") process.stderr.write(`${task.name}:\n${platform?.tail()}\n`);
  });
  afterAll(async () => {
    await platform?.[Symbol.asyncDispose]();
  }, 120_000);
  return () => platform!;
}
