import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bytesToHex, type Hex, sha256 } from "viem";
import { type DrandNetwork, messagePoint, timeOfRound } from "./scheme.ts";

export interface LocalBeaconOptions {
  /** The secret key is derived from this text: for local chains only. */
  seed: string;
  /** Time of round 1, in Unix seconds. */
  genesis: number;
  /** Seconds between rounds. */
  period: number;
  /** The clock in Unix seconds, for chains whose time is moved about. Default: this machine's. */
  now?: () => number | Promise<number>;
}

/** A drand network of one, for local chains: a key of its own, the same scheme and the same HTTP API, so that a local chain verifies
 * and its agents fetch exactly as on a public one. */
export class LocalBeacon {
  readonly network: DrandNetwork;
  /** Rounds which are not given out, to see what becomes of a round without a seed. */
  readonly withheld = new Set<number>();
  readonly #secretKey: Uint8Array;
  readonly #now: () => number | Promise<number>;
  #server: Server | undefined;

  constructor({ seed, genesis, period, now = () => Date.now() / 1000 }: LocalBeaconOptions) {
    const { secretKey, publicKey } = bls12_381.shortSignatures.keygen(createHash("sha384").update(seed).digest());
    this.network = { publicKey: bytesToHex(publicKey.toBytes(true)), genesis, period };
    this.#secretKey = secretKey;
    this.#now = now;
  }

  /** The compressed signature of a round, whether or not it is due or withheld. */
  sign(round: number): Hex {
    return bytesToHex(bls12_381.shortSignatures.sign(messagePoint(round), this.#secretKey).toBytes(true));
  }

  /** Serves `/public/{round}`, `/public/latest` and `/info` as a drand relay does.
   * @returns the base URL. */
  async listen(port = 0, host = "127.0.0.1"): Promise<string> {
    this.#server = createServer(async (request, response) => {
      const [status, body] = await this.#answer(request.url ?? "").catch(() => [500, { error: "no clock" }] as const);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    await once(this.#server.listen(port, host), "listening");
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = undefined;
  }

  async #answer(path: string): Promise<readonly [status: number, body: object]> {
    const { publicKey, genesis, period } = this.network;
    if (path === "/info") {
      const info = {
        public_key: publicKey.slice(2),
        period,
        genesis_time: genesis,
        schemeID: "bls-unchained-g1-rfc9380",
      };
      return [200, info];
    }
    const wanted = /^\/public\/(latest|[1-9]\d{0,14})$/.exec(path)?.[1];
    if (wanted === undefined) return [404, { error: "no such path" }];
    const now = await this.#now();
    const round = wanted === "latest" ? Math.floor((now - genesis) / period) + 1 : Number(wanted);
    if (round < 1 || timeOfRound(this.network, round) > now) return [425, { error: "too early" }];
    if (this.withheld.has(round)) return [404, { error: "withheld" }];
    const signature = this.sign(round);
    return [200, { round, randomness: sha256(signature).slice(2), signature: signature.slice(2) }];
  }
}
