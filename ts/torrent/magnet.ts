import { formatEndpoint, type PeerAddress, parseEndpoint } from "./endpoint.ts";
import { TorrentError } from "./errors.ts";
import { printable } from "./printable.ts";
import { trackerUrls } from "./trackers.ts";
import { HASH } from "./trees.ts";

/** What a magnet link says (BEP 9, with the v2 infohash of BEP 52). All but the infohashes is a hint. */
export interface Magnet {
  /** SHA-256 of `info`, 32 bytes. */
  readonly infohashV2: Uint8Array;
  /** SHA-1 of `info`, 20 bytes, where the link names a hybrid by both. */
  readonly infohashV1: Uint8Array | null;
  /** What to call it until the metadata is here; no file's name. */
  readonly name: string | null;
  readonly trackers: readonly string[];
  readonly peers: readonly PeerAddress[];
}

/** Characters of a link; longer ones are refused. */
const MAX_LINK = 1 << 16;
/** Peers taken from one link. */
const MAX_PEERS = 64;
/** A multihash: SHA-256 (0x12) of 32 (0x20) bytes. */
const MULTIHASH = "1220";

/** Reads a magnet link of a v2 or hybrid torrent. Trackers and peers that are none, or too many, are left out.
 * @throws TorrentError when it names no v2 torrent */
export function parseMagnet(link: string): Magnet {
  if (!/^magnet:\?/i.test(link)) throw new TorrentError("not a magnet link: it begins with magnet:?");
  if (link.length > MAX_LINK) throw new TorrentError("magnet link too long", { length: link.length, most: MAX_LINK });
  const fields = new URLSearchParams(link.slice("magnet:?".length));
  // Links with several topics or addresses may number them: xt.1, tr.2.
  const all = (key: string) => [...fields].filter(([k]) => k.replace(/\.\d+$/, "") === key).map(([, value]) => value);
  const v1 = one(all("xt"), /^urn:btih:([0-9a-f]{40}|[a-z2-7]{32})$/i);
  const v2 = one(all("xt"), new RegExp(`^urn:btmh:${MULTIHASH}([0-9a-f]{${2 * HASH}})$`, "i"));
  if (v2 === undefined && v1 !== undefined)
    throw new TorrentError("a v1-only magnet link: its hash is SHA-1, which the protocol cannot verify", {
      needed: `xt=urn:btmh:${MULTIHASH}… of the same torrent`,
    });
  if (v2 === undefined) throw new TorrentError(`a magnet link without a v2 infohash: xt=urn:btmh:${MULTIHASH}…`);
  return {
    infohashV2: Buffer.from(v2, "hex"),
    infohashV1: v1 === undefined ? null : v1.length === 40 ? Buffer.from(v1, "hex") : fromBase32(v1),
    name: printable(fields.get("dn") ?? ""),
    trackers: trackerUrls(all("tr")),
    peers: all("x.pe")
      .flatMap((text) => parseEndpoint(text) ?? [])
      .slice(0, MAX_PEERS),
  };
}

/** The link of a torrent, or of as much as is known of it. */
export function formatMagnet(magnet: Pick<Magnet, "infohashV2"> & Partial<Magnet>): string {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const { infohashV2, infohashV1, name, trackers = [], peers = [] } = magnet;
  return [
    `magnet:?xt=urn:btmh:${MULTIHASH}${hex(infohashV2)}`,
    ...(infohashV1 ? [`xt=urn:btih:${hex(infohashV1)}`] : []),
    ...(name ? [`dn=${encodeURIComponent(name)}`] : []),
    ...trackers.map((url) => `tr=${encodeURIComponent(url)}`),
    ...peers.map((peer) => `x.pe=${formatEndpoint(peer)}`),
  ].join("&");
}

/** The one hash that the topics name in this form. */
function one(topics: readonly string[], form: RegExp): string | undefined {
  const hashes = new Set(topics.flatMap((topic) => form.exec(topic)?.[1]?.toLowerCase() ?? []));
  if (hashes.size > 1)
    throw new TorrentError("a magnet link of several torrents", { infohashes: [...hashes].join(" ") });
  return [...hashes][0];
}

/** 20 bytes from 32 characters of RFC 4648's base32, as older links have them. */
function fromBase32(text: string): Buffer {
  let bits = 0n;
  for (const c of text) bits = (bits << 5n) | BigInt("abcdefghijklmnopqrstuvwxyz234567".indexOf(c));
  return Buffer.from(bits.toString(16).padStart(40, "0"), "hex");
}
