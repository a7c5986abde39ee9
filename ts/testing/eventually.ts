import { vi } from "vitest";

/** Waits until a check passes: for as long as a busy machine may take, and no longer than it must. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 45_000, interval: 20 });
}
