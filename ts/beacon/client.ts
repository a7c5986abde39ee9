import type { Hex } from "viem";
import { z } from "zod";
import { openBeacon, type VerifiedBeacon } from "./scheme.ts";

/** Where beacons come from: relays of a network that serve drand's HTTP API. */
export interface DrandSource {
  /** The network's: compressed point of G2, 96 bytes. */
  publicKey: Hex;
  /** Tried in this order. A relay is trusted with nothing: what it says is verified against the network's key. */
  urls: readonly string[];
  /** For one relay's whole answer, in milliseconds. Default 5000. */
  timeoutMs?: number;
}

/** No relay served a valid beacon: each one's reason, in the order they were asked. Usually too early, or offline: try again. */
export class BeaconUnavailableError extends Error {
  override readonly name = "BeaconUnavailableError";
  readonly round: number;
  readonly reasons: readonly { url: string; reason: string }[];

  constructor(round: number, reasons: readonly { url: string; reason: string }[]) {
    const list = reasons.map(({ url, reason }) => `\n  ${url}: ${reason}`).join("");
    super(`no relay served drand round ${round}${list || ": none is configured"}`);
    this.round = round;
    this.reasons = reasons;
  }
}

/** An answer has about 200 bytes. */
const MAX_ANSWER = 4096;

const Answer = z.object({ round: z.number(), signature: z.string().regex(/^[0-9a-f]{96}$/) });

/** Gets a drand round from the first relay that serves it, verified.
 * @throws {BeaconUnavailableError} when none does. */
export async function fetchBeacon(source: DrandSource, round: number): Promise<VerifiedBeacon> {
  if (!Number.isSafeInteger(round) || round < 1) throw new RangeError(`no drand round: ${round}`);
  const reasons: { url: string; reason: string }[] = [];
  for (const url of source.urls) {
    try {
      const answer = Answer.parse(JSON.parse(await get(`${url}/public/${round}`, source.timeoutMs ?? 5000)));
      if (answer.round !== round) throw new Error(`answered with round ${answer.round}`);
      return openBeacon(source.publicKey, round, `0x${answer.signature}` as Hex);
    } catch (error) {
      reasons.push({ url, reason: reasonOf(error) });
    }
  }
  throw new BeaconUnavailableError(round, reasons);
}

async function get(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "error" });
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER) throw new Error(`more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return Buffer.concat(chunks).toString();
}

/** One line; fetch hides the network's own error in `cause`. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const text =
    cause instanceof Error ? `${message} (${cause.message || (cause as NodeJS.ErrnoException).code})` : message;
  return error instanceof z.ZodError ? "not a drand answer" : text;
}
