import { type Address, bytesToHex, encodeAbiParameters, type Hex, keccak256 } from "viem";
import { signTypedData } from "viem/actions";
import type { Commitment } from "../torrent/commitment.ts";
import type { Deployment, OnDeployment } from "./deployment.ts";
import type { Wallet } from "./send.ts";

/** ICatalog.Commitment, as the ABI takes it. */
export interface CommitmentArgs {
  readonly infohash: Hex;
  readonly filesRoot: Hex;
  readonly dataRoot: Hex;
  readonly blocks: number;
  readonly fileCount: number;
}

/** ICatalog.Manifest. */
export interface Manifest {
  readonly publisher: Address;
  readonly name: string;
  readonly infohash: Hex;
  readonly key: Hex;
  readonly series: bigint;
  readonly version: number;
  readonly licence: string;
  readonly sources: readonly string[];
}

const MANIFEST_TYPES = {
  Manifest: [
    { name: "publisher", type: "address" },
    { name: "name", type: "string" },
    { name: "infohash", type: "bytes32" },
    { name: "key", type: "bytes32" },
    { name: "series", type: "uint64" },
    { name: "version", type: "uint32" },
    { name: "licence", type: "string" },
    { name: "sources", type: "string[]" },
  ],
} as const;

/** A commitment as the ABI takes it: hashes in hex. */
export function commitmentArgs({ infohash, filesRoot, dataRoot, blocks, fileCount }: Commitment): CommitmentArgs {
  return {
    infohash: bytesToHex(infohash),
    filesRoot: bytesToHex(filesRoot),
    dataRoot: bytesToHex(dataRoot),
    blocks,
    fileCount,
  };
}

/** Catalog.keyOf: what a content is called, whoever publishes it. */
export function contentKey({ infohash, filesRoot, dataRoot, blocks, fileCount }: CommitmentArgs): Hex {
  const types = [
    { type: "bytes32" },
    { type: "bytes32" },
    { type: "bytes32" },
    { type: "uint40" },
    { type: "uint32" },
  ] as const;
  return keccak256(encodeAbiParameters(types, [infohash, filesRoot, dataRoot, blocks, fileCount]));
}

export interface ManifestParameters {
  /** Who signs it and owns the bond. */
  readonly publisher: Address;
  readonly commitment: CommitmentArgs;
  /** What the content is called, at most 512 bytes. */
  readonly name: string;
  /** A series of the publisher's that it belongs to (`createSeries`). Default none. */
  readonly series?: bigint;
  /** In the series, greater than any before; without a series it means nothing. Default 1. */
  readonly version?: number;
  /** URI, at most 512 bytes. Default none. */
  readonly licence?: string;
  /** Where the .torrent and first peers are found: at most 16 URIs of at most 512 bytes (ts/wire/sources.ts says which are known). */
  readonly sources: readonly string[];
}

/** What a publisher says of a content, and signs. */
export function manifestOf({ commitment, ...parameters }: ManifestParameters): Manifest {
  const { publisher, name, series = 0n, version = 1, licence = "", sources } = parameters;
  const { infohash } = commitment;
  return { publisher, name, infohash, key: contentKey(commitment), series, version, licence, sources };
}

/** The publisher's signature of a manifest (EIP-712): anyone may relay it. */
export function signManifest(
  wallet: Wallet,
  { deployment, manifest }: OnDeployment & { readonly manifest: Manifest },
): Promise<Hex> {
  return signTypedData(wallet, {
    account: wallet.account,
    domain: domainOf(deployment),
    types: MANIFEST_TYPES,
    primaryType: "Manifest",
    message: manifest,
  });
}

/** What an attester says of a content: ICatalog.Attestation. */
export interface Attestation {
  readonly attester: Address;
  /** The content's: `contentKey`, or `getContent(…).manifest.key`. A number may change with a reorganisation, a key does not. */
  readonly key: Hex;
  /** A word of at most 32 bytes, as viem's `stringToHex(word, { size: 32 })` gives it: "verified", "malware-free". */
  readonly verdict: Hex;
  /** False takes the verdict back. */
  readonly holds: boolean;
  /** Unix seconds; of two about the same, the later one stands. */
  readonly signedAt: bigint;
  /** URI, at most 512 bytes. */
  readonly evidence: string;
}

const ATTESTATION_TYPES = {
  Attestation: [
    { name: "attester", type: "address" },
    { name: "key", type: "bytes32" },
    { name: "verdict", type: "bytes32" },
    { name: "holds", type: "bool" },
    { name: "signedAt", type: "uint64" },
    { name: "evidence", type: "string" },
  ],
} as const;

/** The attester's signature of its verdict (EIP-712): anyone may relay it. */
export function signAttestation(
  wallet: Wallet,
  { deployment, attestation }: OnDeployment & { readonly attestation: Attestation },
): Promise<Hex> {
  return signTypedData(wallet, {
    account: wallet.account,
    domain: domainOf(deployment),
    types: ATTESTATION_TYPES,
    primaryType: "Attestation",
    message: attestation,
  });
}

function domainOf({ chainId, contracts }: Deployment) {
  return { name: "Holdfast Catalog", version: "1", chainId, verifyingContract: contracts.Catalog };
}
