import { createHmac, randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { isIP } from "node:net";
import { type Bencode, encode } from "../torrent/bencode.ts";
import { plainAddress } from "../wire/connection.ts";

export interface TrackerOptions {
  readonly host: string;
  /** Seconds after which a client is to ask again, and after twice which it is forgotten. */
  readonly interval?: number;
}

/** What a client said. */
export interface Heard {
  readonly over: "http" | "udp";
  /** In hex. */
  readonly infohash: string;
  readonly event: string;
  readonly left: number;
  readonly host: string;
  readonly port: number;
}

interface Member extends Heard {
  readonly at: number;
}

const MAX_SWARMS = 1_000;
const MAX_MEMBERS = 1_000;
const MAX_HEARD = 1_000;
const MAX_WANT = 200;
const EVENTS = ["", "completed", "started", "stopped"];
const PROTOCOL = Buffer.from("0000041727101980", "hex");

/** A small BitTorrent tracker, over HTTP (BEP 3, 7, 23) and UDP (BEP 15) on one port, that remembers swarms until it is closed. */
export class Tracker {
  /** What was heard last, MAX_HEARD of it. */
  readonly heard: Heard[] = [];
  readonly port: number;
  readonly #host: string;
  readonly #interval: number;
  readonly #http: Server;
  readonly #udp: Socket;
  /** By infohash in hex, each by address. */
  readonly #swarms = new Map<string, Map<string, Member>>();
  readonly #secret = randomBytes(16);

  private constructor({ host, interval = 60 }: TrackerOptions, http: Server, udp: Socket) {
    [this.#host, this.#interval, this.#http, this.#udp] = [host, interval, http, udp];
    this.port = udp.address().port;
    http.on("request", ({ url = "", socket }, response) => {
      response.end(encode(this.#onHttp(url, plainAddress(socket.remoteAddress ?? ""))));
    });
    udp.on("message", (datagram, from) => {
      const answer = this.#onUdp(datagram, from);
      if (answer !== undefined) udp.send(answer, from.port, from.address);
    });
    udp.on("error", () => {}); // an answer that could not be sent concerns its client alone
  }

  static async listen(options: TrackerOptions): Promise<Tracker> {
    for (;;) {
      const udp = createSocket(isIP(options.host) === 6 ? "udp6" : "udp4");
      udp.bind(0, options.host);
      await once(udp, "listening");
      const http = createServer();
      try {
        await once(http.listen(udp.address().port, options.host), "listening");
        return new Tracker(options, http, udp);
      } catch (error) {
        udp.close();
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
  }

  get httpUrl(): string {
    return `http://${this.#place}/announce`;
  }

  get udpUrl(): string {
    return `udp://${this.#place}/announce`;
  }

  async close(): Promise<void> {
    const gone = [once(this.#http, "close"), once(this.#udp, "close")];
    this.#udp.close();
    this.#http.close();
    this.#http.closeAllConnections();
    await Promise.all(gone);
  }

  get #place(): string {
    return `${isIP(this.#host) === 6 ? `[${this.#host}]` : this.#host}:${this.port}`;
  }

  /** Notes a member. @returns the others that it may want to know, without seeds for a seed */
  #meet(member: Heard, want: number): { members: Member[]; seeds: number; others: number } {
    const now = Date.now();
    this.heard.push(member);
    if (this.heard.length > MAX_HEARD) this.heard.shift();
    const swarm = this.#swarms.get(member.infohash) ?? new Map<string, Member>();
    for (const [key, { at }] of swarm) if (now - at > 2_000 * this.#interval) swarm.delete(key);
    const key = `${member.host} ${member.port}`;
    if (member.event === "stopped") swarm.delete(key);
    else if (swarm.has(key) || swarm.size < MAX_MEMBERS) swarm.set(key, { ...member, at: now });
    if (swarm.size === 0) this.#swarms.delete(member.infohash);
    else if (this.#swarms.has(member.infohash) || this.#swarms.size < MAX_SWARMS)
      this.#swarms.set(member.infohash, swarm);
    const others = [...swarm].filter(([other]) => other !== key).map(([, other]) => other);
    const members = others.filter(({ left }) => member.left > 0 || left > 0);
    const seeds = [...swarm.values()].filter(({ left }) => left === 0).length;
    return { members: members.slice(0, Math.max(0, Math.min(want, MAX_WANT))), seeds, others: swarm.size - seeds };
  }

  #onHttp(url: string, host: string): Map<string, Bencode> {
    const fields = queryOf(url);
    const number = (name: string, otherwise: number) => Number.parseInt(fields.get(name) ?? "", 10) || otherwise;
    const [infohash = "", port] = [fields.get("info_hash"), number("port", 0)];
    if (infohash.length !== 20 || port < 1 || port > 65535)
      return new Map([["failure reason", "an announce needs an info_hash of 20 bytes and a port"]]);
    const event = fields.get("event") ?? "";
    const hex = Buffer.from(infohash, "latin1").toString("hex");
    const heard: Heard = { over: "http", infohash: hex, event, left: number("left", 0), host, port };
    const { members, seeds, others } = this.#meet(heard, number("numwant", 50));
    const compact = (family: number) => Buffer.concat(members.filter((m) => isIP(m.host) === family).map(toCompact));
    return new Map<string, Bencode>([
      ["complete", seeds],
      ["incomplete", others],
      ["interval", this.#interval],
      ["peers", compact(4)],
      ["peers6", compact(6)],
    ]);
  }

  #onUdp(datagram: Buffer, { address: host, port: from, family }: RemoteInfo): Buffer | undefined {
    if (datagram.length < 16) return undefined;
    const [action, transaction] = [datagram.readUInt32BE(8), datagram.subarray(12, 16)];
    const head = (answer: number) => Buffer.concat([Buffer.from([0, 0, 0, answer]), transaction]);
    const id = (minute: number) =>
      createHmac("sha256", this.#secret).update(`${host} ${from} ${minute}`).digest().subarray(0, 8);
    const minute = Math.floor(Date.now() / 60_000);
    const given = datagram.subarray(0, 8);
    if (action === 0) return given.equals(PROTOCOL) ? Buffer.concat([head(0), id(minute)]) : undefined;
    if (!given.equals(id(minute)) && !given.equals(id(minute - 1)))
      return Buffer.concat([head(3), Buffer.from("connection id unknown")]);
    if (action !== 1 || datagram.length < 98) return Buffer.concat([head(3), Buffer.from("not an announce")]);
    const heard: Heard = {
      over: "udp",
      infohash: datagram.toString("hex", 16, 36),
      event: EVENTS[datagram.readUInt32BE(80)] ?? "",
      left: Number(datagram.readBigUInt64BE(64)),
      host,
      port: datagram.readUInt16BE(96),
    };
    const want = datagram.readInt32BE(92);
    const { members, seeds, others } = this.#meet(heard, want < 0 ? 50 : want);
    const numbers = Buffer.alloc(12);
    for (const [i, n] of [this.#interval, others, seeds].entries()) numbers.writeUInt32BE(n, 4 * i);
    const same = members.filter((m) => isIP(m.host) === (family === "IPv6" ? 6 : 4));
    return Buffer.concat([head(1), numbers, ...same.map(toCompact)]);
  }
}

/** Fields of a query, their values as latin1: they hold bytes that are no UTF-8. */
function queryOf(url: string): Map<string, string> {
  const pairs = url.slice(url.indexOf("?") + 1).split("&");
  const bytes = (text: string) =>
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return new Map(pairs.map((pair) => pair.split("=", 2)).map(([name = "", value = ""]) => [name, bytes(value)]));
}

function toCompact({ host, port }: Member): Buffer {
  return Buffer.concat([toBytes(host), Buffer.from([port >> 8, port & 255])]);
}

/** The 4 or 16 bytes of an address. */
function toBytes(host: string): Buffer {
  if (isIP(host) === 4) return Buffer.from(host.split(".").map(Number));
  const [head = "", tail] = host.split("::");
  const groups = (text: string) =>
    text
      .split(":")
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
