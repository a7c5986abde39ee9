export { type Bencode, type Decoded, decode, decodePrefix, encode } from "./bencode.ts";
export { type Commitment, chunksOf, commitmentOf, fileCount, fileProof, filesRoot } from "./commitment.ts";
export { type Created, type CreateOptions, createTorrent } from "./create.ts";
export { type BlockDisproof, disproofOf } from "./disproof.ts";
export { formatEndpoint, type PeerAddress, parseEndpoint } from "./endpoint.ts";
export { DamagedBlockError, DamagedCacheError, TorrentError } from "./errors.ts";
export { DataFolder, syncFolder } from "./folder.ts";
export { answerHashRequest, type HashRequest, layersOf, verifyHashes } from "./hash-request.ts";
export { formatMagnet, type Magnet, parseMagnet } from "./magnet.ts";
export { layerRoot, MAX_TORRENT_BYTES, parseInfo, parseTorrent, type Torrent, type TorrentFile } from "./metainfo.ts";
export { PossessionCache, type WordProof } from "./possession.ts";
export {
  BLOCK,
  BLOCK_WORDS,
  CHUNK_BLOCKS,
  depthOf,
  HASH,
  hashBlock,
  hashPair,
  levelsOf,
  type MerklePath,
  merklePath,
  rootOf,
  zeroRoot,
} from "./trees.ts";
export { checkData, type DamagedPiece, type DataCheck, type WorkOptions } from "./verify.ts";
