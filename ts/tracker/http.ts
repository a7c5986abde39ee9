import { isIP } from "node:net";
import { type Decoded, decode } from "../torrent/bencode.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { printable } from "../torrent/printable.ts";
import { httpBody } from "../wire/reach.ts";
import { type Announce, type AnnounceOptions, type Answer, MAX_PEERS, WAIT_MS } from "./announce.ts";
import { plainV6, readCompact } from "./compact.ts";
import { TrackerError } from "./errors.ts";

/** Bytes: room for far more peers than are taken, written out in full. */
const MAX_ANSWER = 1 << 18;
const MAX_TRACKER_ID = 512;
/** Seconds, where a tracker names none. */
const DEFAULT_INTERVAL = 1_800;

/** Asks a tracker over HTTP or HTTPS (BEP 3, 7, 23). @throws TrackerError, or what failed on the way */
export async function announceHttp(url: URL, what: Announce, options: AnnounceOptions): Promise<Answer> {
  const { reach, localAddress, waitMs = WAIT_MS } = options;
  const late = AbortSignal.timeout(waitMs);
  try {
    const signal = AbortSignal.any([options.signal, late]);
    return readAnswer(await httpBody(withQuery(url, what), { reach, localAddress, signal, most: MAX_ANSWER }));
  } catch (error) {
    if (late.aborted) throw new TrackerError("timeout", `no answer within ${waitMs} ms`);
    throw error;
  }
}

/** What the URL asks already, as a member's key, stays. */
function withQuery(url: URL, what: Announce): URL {
  const { infohash, peerId, port, transfer, event, key, want, trackerId } = what;
  const fields: Record<string, string | number | undefined> = {
    info_hash: percent(infohash),
    peer_id: percent(peerId),
    port,
    uploaded: transfer.uploaded,
    downloaded: transfer.downloaded,
    left: transfer.left,
    event,
    key: key.toString(16).padStart(8, "0"),
    numwant: want,
    compact: 1,
    trackerid: trackerId && percent(trackerId),
  };
  const ours = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  return new URL(`${url.origin}${url.pathname}?${[...(url.search ? [url.search.slice(1)] : []), ...ours].join("&")}`);
}

function percent(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").replace(/../g, "%$&");
}

function readAnswer(body: Buffer): Answer {
  const answer = dictionary(body);
  const failure = answer.get("failure reason");
  if (failure !== undefined) throw new TrackerError("refused", text(failure) ?? "no reason given");
  const [interval, least] = [answer.get("interval"), answer.get("min interval")].map((value) =>
    typeof value === "number" && value >= 0 ? value : undefined,
  );
  const trackerId = answer.get("tracker id");
  return {
    interval: Math.max(interval ?? DEFAULT_INTERVAL, least ?? 0),
    peers: [...readPeers(answer.get("peers"), 4), ...readPeers(answer.get("peers6"), 6)].slice(0, MAX_PEERS),
    trackerId: trackerId instanceof Uint8Array && trackerId.length <= MAX_TRACKER_ID ? trackerId : undefined,
    warning: text(answer.get("warning message")),
  };
}

function dictionary(body: Buffer): Map<string, Decoded> {
  try {
    const answer = decode(body);
    if (answer instanceof Map) return answer;
  } catch {}
  throw new TrackerError("malformed", "the answer is no bencoded dictionary");
}

/** Peers in compact form, or each in a dictionary (BEP 3). A peer that is named but by no IP address is left out: nobody else chooses
 * which names we look up. */
function readPeers(value: Decoded | undefined, family: 4 | 6): PeerAddress[] {
  if (value === undefined) return [];
  if (value instanceof Uint8Array) return readCompact(value, family, MAX_PEERS);
  if (!Array.isArray(value)) throw new TrackerError("malformed", "the peers are no list");
  return value.flatMap((peer) => {
    if (!(peer instanceof Map)) throw new TrackerError("malformed", "a peer is no dictionary");
    const [ip, port] = [peer.get("ip"), peer.get("port")];
    const host = ip instanceof Uint8Array ? Buffer.from(ip).toString("latin1") : "";
    if (isIP(host) === 0 || typeof port !== "number" || port < 1 || port > 65535) return [];
    return [{ host: plainV6(host), port }];
  });
}

function text(value: Decoded | undefined): string | undefined {
  return value instanceof Uint8Array ? (printable(Buffer.from(value).toString()) ?? undefined) : undefined;
}
