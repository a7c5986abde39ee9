/** Trackers taken from one torrent or link. */
const MAX_TRACKERS = 64;
const MAX_URL = 2048;

/** The trackers among what a torrent or a link names as such, each once. They are hints: what is no URL is left out. */
export function trackerUrls(named: readonly string[]): string[] {
  const urls = named.filter((url) => url.length <= MAX_URL && /^(https?|udp|wss?):\/\/[!-~]+$/.test(url));
  return [...new Set(urls)].slice(0, MAX_TRACKERS);
}
