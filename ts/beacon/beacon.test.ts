import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bytesToHex, type Hex, hexToBytes } from "viem";
import { afterEach, describe, expect, test } from "vitest";
import { BeaconUnavailableError, fetchBeacon } from "./client.ts";
import { LocalBeacon } from "./local.ts";
import { decodeKey, encodeKey, messagePoint, openBeacon, QUICKNET, timeOfRound } from "./scheme.ts";

interface Network {
  publicKey: Hex;
  genesis: number;
  period: number;
  key: Hex;
  beacons: { round: number; compressed: Hex; signature: Hex; randomness: Hex }[];
}
const vectors: { quicknet: Network; local: Network } = JSON.parse(readFileSync("test/vectors/drand.json", "utf8"));

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A relay that does what it likes. */
async function relay(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const { genesis, period } = vectors.local;
async function local(now: number): Promise<{ beacon: LocalBeacon; url: string }> {
  const beacon = new LocalBeacon({ seed: "holdfast local beacon", genesis, period, now: () => now });
  closers.push(() => beacon.close());
  return { beacon, url: await beacon.listen() };
}

describe("scheme", () => {
  test("every quicknet vector verifies and opens to the forms the contract is tested with", () => {
    expect(vectors.quicknet).toMatchObject(QUICKNET);
    expect(encodeKey(QUICKNET.publicKey)).toBe(vectors.quicknet.key);
    for (const { round, compressed, signature, randomness } of vectors.quicknet.beacons) {
      expect(openBeacon(QUICKNET.publicKey, round, compressed)).toEqual({ round, signature, randomness });
    }
  });

  test("a key comes back from the form the contract holds, and nothing else does", () => {
    expect(decodeKey(vectors.quicknet.key)).toBe(QUICKNET.publicKey);
    expect(decodeKey(vectors.local.key)).toBe(vectors.local.publicKey);
    expect(() => decodeKey(QUICKNET.publicKey)).toThrow("256 bytes, not 96");
    expect(() => decodeKey(`0x${"00".repeat(255)}01`)).toThrow();
    const other = vectors.local.key.slice(0, 2 + 256) + vectors.quicknet.key.slice(2 + 256);
    expect(() => decodeKey(other as Hex)).toThrow();
  });

  test("the local vectors are what the local beacon signs", () => {
    const beacon = new LocalBeacon({ seed: "holdfast local beacon", genesis, period });
    expect(beacon.network).toEqual({ publicKey: vectors.local.publicKey, genesis, period });
    expect(encodeKey(beacon.network.publicKey)).toBe(vectors.local.key);
    for (const { round, compressed } of vectors.local.beacons) expect(beacon.sign(round)).toBe(compressed);
  });

  test("a local signature satisfies noble's verification and opens", () => {
    const beacon = new LocalBeacon({ seed: "any", genesis: 0, period: 3 });
    const { publicKey } = beacon.network;
    const signature = hexToBytes(beacon.sign(77));
    expect(bls12_381.shortSignatures.verify(signature, messagePoint(77), hexToBytes(publicKey))).toBe(true);
    expect(openBeacon(publicKey, 77, bytesToHex(signature)).round).toBe(77);
  });

  test("refuses another round's, another network's, a negated, an infinite, an off-subgroup and an uncompressed signature", () => {
    const [first, second] = vectors.quicknet.beacons as [Network["beacons"][0], Network["beacons"][0]];
    const key = QUICKNET.publicKey;
    const flipped = hexToBytes(first.compressed);
    flipped[0]! ^= 0x20;
    expect(() => openBeacon(key, second.round, first.compressed)).toThrow("not the network's signature");
    expect(() => openBeacon(vectors.local.publicKey, first.round, first.compressed)).toThrow(
      "not the network's signature",
    );
    expect(() => openBeacon(key, first.round, bytesToHex(flipped))).toThrow("not the network's signature");
    expect(() => openBeacon(key, first.round, `0xc0${"00".repeat(47)}`)).toThrow("not the network's signature");
    expect(() => openBeacon(key, first.round, `0x80${"00".repeat(47)}`)).toThrow("subgroup");
    expect(() => openBeacon(key, first.round, first.signature)).toThrow("48 bytes");
    expect(() => encodeKey(`0xc0${"00".repeat(95)}`)).toThrow("infinity");
  });
});

describe("fetchBeacon", () => {
  test("gets a verified round from a relay", async () => {
    const { beacon, url } = await local(timeOfRound(vectors.local, 1000));
    const { round, signature, randomness } = vectors.local.beacons.find((b) => b.round === 1000)!;
    await expect(fetchBeacon({ publicKey: beacon.network.publicKey, urls: [url] }, 1000)).resolves.toEqual({
      round,
      signature,
      randomness,
    });
  });

  test("passes over relays that lie, babble, flood, stall, redirect or are gone, and says what each did if none is left", async () => {
    const { beacon, url } = await local(timeOfRound(vectors.local, 1000));
    const lie = { round: 1000, signature: beacon.sign(999).slice(2) };
    const bad = [
      await relay((_, response) => response.end(JSON.stringify(lie))),
      await relay((_, response) => response.end(JSON.stringify({ ...lie, round: 999 }))),
      await relay((_, response) => response.end("<html>")),
      await relay((_, response) => response.end(JSON.stringify({ round: "1000", signature: {} }))),
      await relay((_, response) => response.end(Buffer.alloc(1 << 20, " "))),
      await relay((_, response) => response.write("{")),
      await relay((_, response) => response.writeHead(302, { location: `${url}/public/1000` }).end()),
      "http://127.0.0.1:1",
    ];
    const source = { publicKey: beacon.network.publicKey, timeoutMs: 300 };
    await expect(fetchBeacon({ ...source, urls: [...bad, url] }, 1000)).resolves.toMatchObject({ round: 1000 });
    const error = await fetchBeacon({ ...source, urls: bad }, 1000).catch((e) => e);
    expect(error).toBeInstanceOf(BeaconUnavailableError);
    expect(error.reasons.map((r: { reason: string }) => r.reason)).toEqual([
      "not the network's signature over drand round 1000",
      "answered with round 999",
      expect.stringContaining("is not valid JSON"),
      "not a drand answer",
      "more than 4096 bytes",
      expect.stringContaining("timeout"),
      expect.stringContaining("redirect"),
      expect.stringContaining("fetch failed"),
    ]);
  });

  test("refuses a round that is no round", async () => {
    const source = { publicKey: vectors.local.publicKey, urls: [] };
    await expect(fetchBeacon(source, 0)).rejects.toThrow(RangeError);
    await expect(fetchBeacon(source, 1.5)).rejects.toThrow(RangeError);
    await expect(fetchBeacon(source, 1)).rejects.toThrow("none is configured");
  });
});

describe("LocalBeacon", () => {
  const json = async (url: string) => {
    const response = await fetch(url);
    return [response.status, await response.json()];
  };

  test("gives out nothing before its time", async () => {
    const { beacon, url } = await local(timeOfRound(vectors.local, 3) - 0.001);
    expect((await json(`${url}/public/3`))[0]).toBe(425);
    expect(await json(`${url}/public/latest`)).toEqual(await json(`${url}/public/2`));
    expect((await json(`${url}/public/2`))[1]).toMatchObject({ round: 2, signature: beacon.sign(2).slice(2) });
  });

  test("withholds the rounds it is told to, until told otherwise", async () => {
    const { beacon, url } = await local(timeOfRound(vectors.local, 9));
    beacon.withheld.add(5);
    expect((await json(`${url}/public/5`))[0]).toBe(404);
    expect((await json(`${url}/public/6`))[0]).toBe(200);
    beacon.withheld.delete(5);
    expect((await json(`${url}/public/5`))[0]).toBe(200);
  });

  test("tells its network as a relay does, and nothing else", async () => {
    const { beacon, url } = await local(genesis);
    expect((await json(`${url}/info`))[1]).toMatchObject({
      public_key: beacon.network.publicKey.slice(2),
      genesis_time: genesis,
      period,
    });
    for (const path of ["/", "/public/0", "/public/01", "/public/-1", "/public/1e3"]) {
      expect((await json(url + path))[0]).toBe(404);
    }
  });
});
