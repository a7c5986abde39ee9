import { type Address, bytesToHex, encodeAbiParameters, type Hex, keccak256 } from "viem";
import { signTypedData } from "viem/actions";
import type { Commitment } from "../torrent/commitment.ts";
import type { OnDeployment } from "./deployment.ts";
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
  /** The publisher's own count of versions. Default 1. */
  readonly version?: number;
  /** URI, at most 512 bytes. Default none. */
  readonly licence?: string;
  /** Where the .torrent and first peers are found: at most 16 URIs of at most 512 bytes (ts/wire/sources.ts says which are known). */
  readonly sources: readonly string[];
}

/** What a publisher says of a content, and signs. */
export function manifestOf({ commitment, ...parameters }: ManifestParameters): Manifest {
  const { publisher, name, version = 1, licence = "", sources } = parameters;
  const { infohash } = commitment;
  return { publisher, name, infohash, key: contentKey(commitment), series: 0n, version, licence, sources };
}

/** The publisher's signature of a manifest (EIP-712): anyone may relay it. */
export function signManifest(
  wallet: Wallet,
  { deployment, manifest }: OnDeployment & { readonly manifest: Manifest },
): Promise<Hex> {
  return signTypedData(wallet, {
    account: wallet.account,
    domain: {
      name: "Holdfast Catalog",
      version: "1",
      chainId: deployment.chainId,
      verifyingContract: deployment.contracts.Catalog,
    },
    types: MANIFEST_TYPES,
    primaryType: "Manifest",
    message: manifest,
  });
}
