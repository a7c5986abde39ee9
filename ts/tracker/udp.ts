import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { on, once } from "node:events";
import { printable } from "../torrent/printable.ts";
import { resolve } from "../wire/reach.ts";
import { type Announce, type AnnounceOptions, type Answer, MAX_PEERS, WAIT_MS } from "./announce.ts";
import { readCompact } from "./compact.ts";
import { TrackerError } from "./errors.ts";

const CONNECT = 0;
const ANNOUNCE = 1;
const ERROR = 3;
const PROTOCOL = Buffer.from("0000041727101980", "hex");
const EVENTS = { none: 0, completed: 1, started: 2, stopped: 3 } as const;
/** BEP 41: a part of the URL, at most 255 bytes each. */
const URL_DATA = 2;

/** BEP 15 repeats a request after 15 * 2^n seconds, n up to 8: over two hours. Nobody waits so long: n stays below 3. That is also why no
 * request goes out when its connection id, good for a minute, has run out: at 15 s a wait, it is sent again 45 s after connecting at most. */
const TRIES = 3;

/** Asks a tracker over UDP (BEP 15, 41). @throws TrackerError, or what failed on the way */
export async function announceUdp(url: URL, what: Announce, options: AnnounceOptions): Promise<Answer> {
  if (url.port === "") throw new TrackerError("unreachable", "a UDP tracker's URL needs a port");
  const { reach, signal, localAddress, waitMs = WAIT_MS } = options;
  const found = await resolve(url.hostname.replace(/^\[|\]$/g, ""), reach);
  const { address, family } = found.find((each) => each.family === 4) ?? found[0];
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  socket.on("error", () => {}); // those that matter end a wait below
  try {
    if (localAddress !== undefined) {
      socket.bind({ address: localAddress });
      await once(socket, "listening", { signal });
    }
    // Connected, it hears nobody else, and hears of a port where nobody listens.
    socket.connect(Number(url.port), address);
    await once(socket, "connect", { signal });
    const exchange = new Exchange(socket, waitMs, signal);
    const connection = await exchange.ask(CONNECT, PROTOCOL, Buffer.alloc(0), 16);
    const answer = await exchange.ask(ANNOUNCE, connection.subarray(8, 16), body(url, what), 20);
    return {
      interval: answer.readUInt32BE(8),
      peers: readCompact(answer.subarray(20), family === 6 ? 6 : 4, MAX_PEERS),
    };
  } finally {
    socket.close();
  }
}

function body(url: URL, { infohash, peerId, transfer, event = undefined, key, want, port }: Announce): Buffer {
  const fields = Buffer.alloc(42);
  for (const [i, bytes] of [transfer.downloaded, transfer.left, transfer.uploaded].entries())
    fields.writeBigUInt64BE(BigInt(bytes), 8 * i);
  fields.writeUInt32BE(EVENTS[event ?? "none"], 24);
  fields.writeUInt32BE(key, 32); // 28: our address, as the tracker sees it
  fields.writeInt32BE(want, 36);
  fields.writeUInt16BE(port, 40);
  const path = Buffer.from(url.pathname + url.search);
  const options: Buffer[] = [];
  for (let at = 0; at < path.length; at += 255) {
    const part = path.subarray(at, at + 255);
    options.push(Buffer.from([URL_DATA, part.length]), part);
  }
  return Buffer.concat([infohash, peerId, fields, ...options]);
}

/** Questions and answers over a connected socket; what is not answered is asked again, TRIES times in all. */
class Exchange {
  readonly #socket: Socket;
  readonly #waitMs: number;
  readonly #signal: AbortSignal;
  #tries = 0;

  constructor(socket: Socket, waitMs: number, signal: AbortSignal) {
    this.#socket = socket;
    this.#waitMs = waitMs;
    this.#signal = signal;
  }

  /** @param head what a request begins with: its connection id. @param least bytes of an answer. */
  async ask(action: number, head: Uint8Array, tail: Uint8Array, least: number): Promise<Buffer> {
    const tag = Buffer.concat([Buffer.from([0, 0, 0, action]), randomBytes(4)]);
    for (; this.#tries < TRIES; this.#tries++) {
      const answer = await this.#once(Buffer.concat([head, tag, tail]), tag, this.#waitMs * 2 ** this.#tries);
      if (answer === undefined) continue;
      const said = answer.readUInt32BE(0);
      if (said === ERROR) throw new TrackerError("refused", printable(answer.toString("utf8", 8)) ?? "no reason given");
      if (said !== action || answer.length < least)
        throw new TrackerError("malformed", `${answer.length} bytes with action ${said} answer action ${action}`);
      return answer;
    }
    throw new TrackerError("timeout", `no answer to ${TRIES} requests`);
  }

  /** The answer to one datagram; undefined when there is none in time. Others, whose transaction id is not ours, are passed over. */
  async #once(request: Buffer, tag: Buffer, ms: number): Promise<Buffer | undefined> {
    const late = AbortSignal.timeout(ms);
    try {
      this.#socket.send(request);
      for await (const [datagram] of on(this.#socket, "message", { signal: AbortSignal.any([this.#signal, late]) })) {
        if (datagram.length >= 8 && datagram.subarray(4, 8).equals(tag.subarray(4))) return datagram;
      }
    } catch (error) {
      if (!late.aborted) throw error;
    }
    return undefined;
  }
}
