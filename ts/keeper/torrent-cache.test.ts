import { expect, test } from "vitest";
import { makeSample, sampleBytes } from "../wire/testing.ts";
import { TorrentCache } from "./torrent-cache.ts";

test("keeps the torrents used last, no more than there is room for by number and by bytes", async () => {
  const { torrent } = await makeSample({ "a.bin": sampleBytes(300_001, 1) });
  const cached = (cache: TorrentCache) => [1, 2, 3].filter((id) => cache.get(id) !== undefined);

  const two = new TorrentCache(2);
  two.put(1, torrent);
  two.put(2, torrent);
  expect(two.get(1)).toBe(torrent);
  two.put(3, torrent);
  expect(cached(two)).toEqual([1, 3]);

  const bytes = 512 + torrent.info.length + [...torrent.pieceLayers.values()].reduce((sum, l) => sum + l.length, 0);
  const small = new TorrentCache(10, 2 * bytes);
  for (const id of [1, 2, 2, 3]) small.put(id, torrent);
  expect(cached(small)).toEqual([2, 3]);

  const none = new TorrentCache(10, bytes - 1);
  none.put(1, torrent);
  expect(cached(none)).toEqual([]);
});
