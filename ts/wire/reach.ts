// What strangers name - hosts, addresses - and which of it may be called.
import { ADDRCONFIG, type LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { PeerAddress } from "../torrent/endpoint.ts";

/** Which of the places that strangers name may be called. */
export interface Reach {
  /** Also files of this machine and addresses of private networks: for networks of one's own. */
  readonly local: boolean;
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

/** The addresses of a host that may be called, of families that this machine has. @throws Error when there are none */
export async function resolve(host: string, { local }: Reach): Promise<[LookupAddress, ...LookupAddress[]]> {
  const family = isIP(host);
  const found = family !== 0 ? [{ address: host, family }] : await lookup(host, { all: true, hints: ADDRCONFIG });
  const [first, ...others] = found.filter(({ address }) => local || !isInner(address));
  if (first === undefined) throw new Error(`${host} is an address of a private network`);
  return [first, ...others];
}

/** The peers that may be called, each by the address that was checked. */
export async function reachable(peers: readonly PeerAddress[], reach: Reach): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(({ host, port }) =>
      resolve(host, reach).then(
        ([{ address }]) => [{ host: address, port }],
        () => [],
      ),
    ),
  );
  return found.flat();
}

export interface HttpGet {
  readonly reach: Reach;
  /** Most bytes of an answer. */
  readonly most: number;
  readonly signal: AbortSignal;
  /** Local address to connect from. */
  readonly localAddress?: string | undefined;
}

/** The body of an HTTP or HTTPS answer. One request, no redirects: a redirect would be one more address to judge.
 * @throws Error when the place may not be called, the status is not 200 or the body too large */
export async function httpBody(url: URL, { reach, most, signal, localAddress }: HttpGet): Promise<Buffer> {
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  // Node looks up no literal address; a name is judged when it is resolved to connect, so that it cannot change in between.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) await resolve(host, reach);
  const judged: LookupFunction = (name, { all }, callback) => {
    resolve(name, reach).then(
      (found) => (all ? callback(null, found) : callback(null, found[0].address, found[0].family)),
      (error) => callback(error, ""),
    );
  };
  try {
    const response = await new Promise<IncomingMessage>((answered, failed) => {
      get(url, { signal, lookup: judged, agent: false, localAddress }, answered).once("error", failed);
    });
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`the server answers ${response.statusCode}`);
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of response) {
      size += part.length;
      if (size > most) throw new Error(`more than ${most} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  } catch (error) {
    signal.throwIfAborted(); // its reason says more than Node's "aborted"
    throw error;
  }
}
