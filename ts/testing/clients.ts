import { describe, type SuiteFactory } from "vitest";
import { CLIENTS, type Client, hasClient } from "./installed.ts";

/**
 * A suite that talks to a real client. Where it is not installed the suite is skipped and says so; with
 * HOLDFAST_REQUIRE_CLIENTS=1, as in CI, its absence is a failure.
 */
export function describeWith(client: Client, name: string, suite: SuiteFactory): void {
  if (hasClient(client)) {
    describe(name, suite);
    return;
  }
  const message = `${client} is not installed: "${name}" did not run (${CLIENTS[client].from})`;
  if (process.env.HOLDFAST_REQUIRE_CLIENTS === "1") throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  describe.skip(name, suite);
}
