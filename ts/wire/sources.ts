import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../errors.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { type Magnet, parseMagnet } from "../torrent/magnet.ts";
import { MAX_TORRENT_BYTES } from "../torrent/metainfo.ts";
import { httpBody, type Reach } from "./reach.ts";

/** Where a content can be had, as far as its publication says. */
export interface Sources {
  /** Places of the .torrent: http, https or file. */
  readonly torrents: readonly URL[];
  readonly peers: readonly PeerAddress[];
}

/** Peers taken from one publication. */
const MAX_PEERS = 64;

/**
 * Reads a publication's `sources`. Two forms are known, others are left to those who know them:
 * - `https://…`, `http://…` or `file:///…`: a .torrent;
 * - `magnet:?xt=urn:btmh:1220…&x.pe=host:port&x.pe=…`: first peers (BEP 9's magnet links, with the v2 infohash of BEP 52).
 *
 * @param infohash The content's, 32 bytes in hex; a magnet link of another torrent gives no peers.
 */
export function parseSources(sources: readonly string[], infohash: string): Sources {
  const [torrents, peers]: [URL[], PeerAddress[]] = [[], []];
  for (const source of sources) {
    if (!URL.canParse(source)) continue;
    const url = new URL(source);
    if (["http:", "https:", "file:"].includes(url.protocol)) torrents.push(url);
    else if (url.protocol === "magnet:") peers.push(...peersOf(source, infohash));
  }
  return { torrents, peers: peers.slice(0, MAX_PEERS) };
}

function peersOf(link: string, infohash: string): readonly PeerAddress[] {
  let magnet: Magnet;
  try {
    magnet = parseMagnet(link);
  } catch {
    return [];
  }
  return Buffer.from(magnet.infohashV2).toString("hex") === infohash ? magnet.peers : [];
}

/** For one .torrent, in ms. */
const TORRENT_MS = 30_000;

/** The bytes of a .torrent. @throws HoldfastError when it cannot be had, is too large or too slow, or lies where this agent does not look. */
export async function readTorrentFile(url: URL, reach: Reach, signal?: AbortSignal): Promise<Buffer> {
  try {
    if (url.protocol === "file:") {
      if (!reach.local) throw new Error("files of this machine are read only where local sources are allowed");
      return await readLocal(fileURLToPath(url));
    }
    const limit = AbortSignal.timeout(TORRENT_MS);
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    return await httpBody(url, { reach, most: MAX_TORRENT_BYTES, signal: either });
  } catch (cause) {
    throw new HoldfastError(`no .torrent from ${url}: ${(cause as Error).message}`, { cause });
  }
}

async function readLocal(path: string): Promise<Buffer> {
  const info = await stat(path);
  if (!info.isFile() || info.size > MAX_TORRENT_BYTES) throw new Error("not a file of a .torrent's size");
  return readFile(path);
}
