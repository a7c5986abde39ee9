import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bytesToHex, concatBytes, type Hex, hexToBytes, numberToBytes, sha256, size, slice } from "viem";

/** A drand network of the scheme `bls-unchained-g1-rfc9380`: signatures on G1, public key on G2. */
export interface DrandNetwork {
  /** Compressed point of G2, 96 bytes. */
  publicKey: Hex;
  /** Time of round 1, in Unix seconds. */
  genesis: number;
  /** Seconds between rounds. */
  period: number;
}

/** A drand round whose signature has been verified, in the forms the Beacon contract deals in. */
export interface VerifiedBeacon {
  round: number;
  /** Uncompressed point of G1, 96 bytes: what `Beacon.submit` takes. */
  signature: Hex;
  /** drand's own randomness: the SHA-256 of the compressed signature. */
  randomness: Hex;
}

/** drand's mainnet since 2023, run by the League of Entropy. */
export const QUICKNET = {
  publicKey:
    "0x83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  genesis: 1692803367,
  period: 3,
} as const satisfies DrandNetwork;

/** Public relays of quicknet. The long path is the network's chain hash. */
export const QUICKNET_RELAYS = ["https://api.drand.sh", "https://api2.drand.sh", "https://drand.cloudflare.com"].map(
  (host) => `${host}/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971`,
);

/** Time at which a drand round is published, in Unix seconds. */
export function timeOfRound(network: DrandNetwork, round: number): number {
  return network.genesis + (round - 1) * network.period;
}

/** A drand public key as the Beacon contract takes it: an affine point in EIP-2537's encoding, 256 bytes.
 * @throws when the bytes are no point of the prime-order subgroup, or the infinity. */
export function encodeKey(publicKey: Hex): Hex {
  const point = bls12_381.G2.Point.fromHex(publicKey.slice(2));
  point.assertValidity();
  if (point.is0()) throw new Error("the infinity is no public key");
  const { x, y } = point.toAffine();
  return bytesToHex(concatBytes([x.c0, x.c1, y.c0, y.c1].map((c) => numberToBytes(c, { size: 64 }))));
}

/** The other way round: what the Beacon contract holds, as a drand public key.
 * @throws when it is no such key */
export function decodeKey(encoded: Hex): Hex {
  if (size(encoded) !== 256) throw new Error(`an encoded key has 256 bytes, not ${size(encoded)}`);
  const coordinate = (i: number) => BigInt(slice(encoded, 64 * i, 64 * (i + 1)));
  const [x, y] = [0, 2].map((i) => ({ c0: coordinate(i), c1: coordinate(i + 1) }));
  const { Fp2 } = bls12_381.fields;
  const point = bls12_381.G2.Point.fromAffine({ x: Fp2.create(x!), y: Fp2.create(y!) });
  point.assertValidity();
  return bytesToHex(point.toBytes(true));
}

/** The point of G1 that a drand round's signature multiplies by the secret key: the hash of the SHA-256 of its eight bytes. */
export function messagePoint(round: number) {
  return bls12_381.shortSignatures.hash(sha256(numberToBytes(round, { size: 8 }), "bytes"));
}

/** Verifies the compressed signature of a drand round, and only then opens it for the contract.
 * @throws when it is not that network's signature over that round. */
export function openBeacon(publicKey: Hex, round: number, compressed: Hex): VerifiedBeacon {
  if (size(compressed) !== 48) throw new Error(`a compressed signature has 48 bytes, not ${size(compressed)}`);
  const point = bls12_381.G1.Point.fromHex(compressed.slice(2));
  if (!bls12_381.shortSignatures.verify(point, messagePoint(round), hexToBytes(publicKey))) {
    throw new Error(`not the network's signature over drand round ${round}`);
  }
  return { round, signature: bytesToHex(point.toBytes(false)), randomness: sha256(compressed) };
}
