import { defineConfig } from "vitest/config";

/** An emulated processor (`npm run test:vm`) is about ten times slower. */
const SLOWNESS = process.env.SLIPWAY_TEST_VM === undefined ? 1 : 6;

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["node_modules/**", ".slipway/**", "dist/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000 * SLOWNESS,
    hookTimeout: 60_000 * SLOWNESS,
    reporters: ["default"],
    // A test that is left with `.only` would silence the others.
    allowOnly: false,
    passWithNoTests: false,
  },
});
