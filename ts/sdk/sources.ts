import { lookup as dnsLookup } from "node:dns/promises";
import { readFile, stat } from "node:fs/promises";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../errors.ts";
import { MAX_TORRENT_BYTES } from "../torrent/metainfo.ts";
import type { PeerAddress } from "../wire/connection.ts";

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
    else if (url.protocol === "magnet:" && url.searchParams.getAll("xt").includes(`urn:btmh:1220${infohash}`)) {
      peers.push(...url.searchParams.getAll("x.pe").flatMap((text) => parseEndpoint(text) ?? []));
    }
  }
  return { torrents, peers: peers.slice(0, MAX_PEERS) };
}

/** The magnet link that names a torrent's first peers. @param infohash 32 bytes in hex. @param peers "host:port" each. */
export function magnetLink(infohash: string, peers: readonly string[]): string {
  return [`magnet:?xt=urn:btmh:1220${infohash}`, ...peers.map((peer) => `x.pe=${peer}`)].join("&");
}

/** Reads "host:port" or "[v6]:port"; undefined if it is neither. */
export function parseEndpoint(text: string): PeerAddress | undefined {
  const [, v6, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/?#\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const [host, port] = [v6 ?? plain, Number(digits)];
  if (host === undefined || port < 1 || port > 65535 || (v6 !== undefined && isIP(v6) !== 6)) return undefined;
  return { host, port };
}

/** Addresses nobody on the internet can mean: an agent that called them for a stranger would lend it a foot inside. */
const inner = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  inner.addSubnet(net, prefix, "ipv4");
}
for (const [net, prefix] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  inner.addSubnet(net, prefix, "ipv6");
}

function isInner(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return inner.check(mapped ?? address, isIP(mapped ?? address) === 6 ? "ipv6" : "ipv4");
}

/** Which of the places that strangers name may be called. */
export interface Reach {
  /** Also files of this machine and addresses of private networks: for networks of one's own. */
  readonly local: boolean;
}

/** The peers that may be called, each by the address that was checked. */
export async function reachable(peers: readonly PeerAddress[], { local }: Reach): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(async ({ host, port }) => {
      const address =
        isIP(host) !== 0
          ? host
          : await dnsLookup(host).then(
              (a) => a.address,
              () => undefined,
            );
      return address === undefined || (!local && isInner(address)) ? [] : [{ host: address, port }];
    }),
  );
  return found.flat();
}

/** For one .torrent, in ms. */
const TORRENT_MS = 30_000;

/** The bytes of a .torrent. @throws HoldfastError when it cannot be had, is too large or too slow, or lies where this agent does not look. */
export async function readTorrentFile(url: URL, { local }: Reach, signal?: AbortSignal): Promise<Buffer> {
  try {
    if (url.protocol === "file:") {
      if (!local) throw new Error("files of this machine are read only where local sources are allowed");
      return await readLocal(fileURLToPath(url));
    }
    if (!local && isIP(bare(url.hostname)) !== 0 && isInner(bare(url.hostname)))
      throw new Error("an address of a private network");
    return await download(
      url,
      local,
      AbortSignal.any([AbortSignal.timeout(TORRENT_MS), ...(signal === undefined ? [] : [signal])]),
    );
  } catch (cause) {
    throw new HoldfastError(`no .torrent from ${url}: ${(cause as Error).message}`, { cause });
  }
}

async function readLocal(path: string): Promise<Buffer> {
  const info = await stat(path);
  if (!info.isFile() || info.size > MAX_TORRENT_BYTES) throw new Error("not a file of a .torrent's size");
  return readFile(path);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** One request, no redirects: a redirect would be one more address to judge. */
async function download(url: URL, local: boolean, signal: AbortSignal): Promise<Buffer> {
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { signal, ...(local ? {} : { lookup: outerLookup }) }, resolve).once("error", reject);
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`the server answers ${response.statusCode}`);
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    size += part.length;
    if (size > MAX_TORRENT_BYTES) throw new Error(`more than ${MAX_TORRENT_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Refuses names that lead inside, at the moment of connecting, so that a name cannot change in between. */
const outerLookup: LookupFunction = (hostname, _options, callback) => {
  dnsLookup(hostname).then(
    ({ address, family }) => {
      if (isInner(address)) callback(new Error(`${hostname} is an address of a private network`), "", 0);
      else callback(null, address, family);
    },
    (error) => callback(error, "", 0),
  );
};
