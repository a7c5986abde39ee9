import type { Torrent } from "../torrent/index.ts";

/** Of memory that a cached file row takes, in bytes, about. */
const ROW_BYTES = 512;

/** The torrents used last, within bounds: whoever publishes many or large ones makes a keeper fetch again, not run out of memory. */
export class TorrentCache {
  readonly #mostTorrents: number;
  readonly #mostBytes: number;
  /** By content, the one used longest ago first. */
  readonly #torrents = new Map<number, { readonly torrent: Torrent; readonly bytes: number }>();
  #bytes = 0;

  constructor(mostTorrents = 1_000, mostBytes = 256 * 2 ** 20) {
    [this.#mostTorrents, this.#mostBytes] = [mostTorrents, mostBytes];
  }

  get(contentId: number): Torrent | undefined {
    const found = this.#torrents.get(contentId);
    if (found === undefined) return undefined;
    this.#torrents.delete(contentId);
    this.#torrents.set(contentId, found);
    return found.torrent;
  }

  /** Keeps a torrent, and forgets those used longest ago; one that is larger than all the room is not kept. */
  put(contentId: number, torrent: Torrent): void {
    this.#forget(contentId);
    const bytes = bytesOf(torrent);
    this.#torrents.set(contentId, { torrent, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#torrents.keys()) {
      if (this.#torrents.size <= this.#mostTorrents && this.#bytes <= this.#mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(contentId: number): void {
    this.#bytes -= this.#torrents.get(contentId)?.bytes ?? 0;
    this.#torrents.delete(contentId);
  }
}

/** What it takes in memory, about. */
function bytesOf({ info, files, pieceLayers }: Torrent): number {
  const layers = [...pieceLayers.values()].reduce((sum, { length }) => sum + length, 0);
  return info.length + layers + files.length * ROW_BYTES;
}
