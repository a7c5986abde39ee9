export { type Bencode, type Decoded, decode, decodePrefix, encode } from "./bencode.ts";
export { type Commitment, chunksOf, commitmentOf, fileCount, fileProof, filesRoot } from "./commitment.ts";
export { type Created, type CreateOptions, createTorrent } from "./create.ts";
export { DamagedBlockError, TorrentError } from "./errors.ts";
export { DataFolder } from "./folder.ts";
export { answerHashRequest, type HashRequest, layersOf, verifyHashes } from "./hash-request.ts";
export { layerRoot, parseInfo, parseTorrent, type Torrent, type TorrentFile } from "./metainfo.ts";
export { checkData, type DataCheck, PossessionCache, type WordProof, type WorkOptions } from "./possession.ts";
export {
  BLOCK,
  BLOCK_WORDS,
  CHUNK_BLOCKS,
  depthOf,
  HASH,
  hashBlock,
  hashPair,
  levelsOf,
  rootOf,
  zeroRoot,
} from "./trees.ts";
