// What the tests of this folder share.
import { onTestFinished } from "vitest";
import { Tracker, type TrackerOptions } from "../testing/tracker.ts";
import type { Announce } from "./announce.ts";

export async function tracker(options: Partial<TrackerOptions> = {}): Promise<Tracker> {
  const listening = await Tracker.listen({ host: "127.0.0.1", ...options });
  onTestFinished(() => listening.close());
  return listening;
}

/** An announce of a leecher, unless said otherwise. */
export function announceOf(more: Partial<Announce> = {}): Announce {
  return {
    infohash: Buffer.alloc(20, 0xa5),
    peerId: Buffer.from("-HF0100-abcdefghijkl"),
    port: 6881,
    transfer: { uploaded: 1, downloaded: 2, left: 3 },
    key: 0x01020304,
    want: 50,
    ...more,
  };
}
