import { defineConfig } from "vitest/config";

/** The tests of a boot are no tests of this machine: they have a name of their own, and only a guest with systemd runs them. */
export default defineConfig({
  test: {
    include: ["test/vm/systemd/boots/*-boot.ts"],
    root: `${import.meta.dirname}/../../..`,
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    sequence: { shuffle: false },
    bail: 0,
    allowOnly: false,
    passWithNoTests: false,
  },
});
