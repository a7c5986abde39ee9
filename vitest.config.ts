import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: ["ts/**/*.test.ts", "examples/**/*.test.ts", "script/**/*.test.{mjs,ts}"],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: "forks",
    maxWorkers: 2,
    // Real clients and sockets on a shared machine: in CI a test may fail once, and the report says which needed it. Not elsewhere.
    retry: process.env.HOLDFAST_REQUIRE_CLIENTS ? 1 : 0,
  },
});
