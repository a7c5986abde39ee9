import type { DataFolder } from "./folder.ts";
import { pieceLayer, type Torrent, type TorrentFile } from "./metainfo.ts";
import { scan } from "./scan.ts";
import { BLOCK, BLOCK_LEVELS, depthOf, HASH, RootBuilder, rootOf } from "./trees.ts";

export interface WorkOptions {
  /** Bytes read so far, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A piece that is not what the torrent says; the whole file where its piece layer is not known. */
export interface DamagedPiece {
  readonly file: string;
  /** In bytes, within the file. */
  readonly offset: number;
  readonly length: number;
  /** Its first block, of the content. */
  readonly block: number;
  readonly why: string;
}

/** What a pass over a copy found. */
export interface DataCheck {
  /** Root of the content's possession tree; null if the copy is damaged. */
  readonly dataRoot: Buffer | null;
  /** Whether every file's tree has the root its torrent says. */
  readonly whole: boolean;
  /** Files that are not what the torrent says, missing ones included. */
  readonly damaged: readonly string[];
  /** What of them is not. */
  readonly pieces: readonly DamagedPiece[];
}

/** Takes what is hashed as it comes: the possession roots and the BEP 52 hashes of blocks from `block` on. */
type Sink = (block: number, possession: Uint8Array, blockHashes: Uint8Array) => Promise<void>;

/** Reads a copy once and compares every piece with the torrent's, in place: a missing or short file is damaged, and the rest goes on.
 * @throws the reason of `signal` when it aborts. */
export function checkData(folder: DataFolder, options: WorkOptions = {}): Promise<DataCheck> {
  return verify(folder, options, async () => {});
}

/** The pass that checking and building a cache share. `sink` sees what is read in order, up to the end or the first missing file. */
export async function verify(folder: DataFolder, options: WorkOptions, sink: Sink): Promise<DataCheck> {
  const { torrent } = folder;
  const data = new RootBuilder(BLOCK_LEVELS);
  const pieces: DamagedPiece[] = [];
  const present: (TorrentFile & { readonly at: string })[] = [];
  for (const file of torrent.files) {
    if (file.piecesRoot === null) continue;
    try {
      present.push({ ...file, at: await folder.locate(file) });
    } catch (error) {
      pieces.push(damagedPiece(file, 0, file.length, (error as Error).message));
    }
  }

  let layer: Buffer[] = [];
  let why: string | undefined;
  const { pieceLength } = torrent;
  const scanned = present.map(({ at, length }) => ({ path: at, length }));
  for await (const segment of scan(scanned, { ...options, pieceLength })) {
    const file = present[segment.file]!;
    data.push(segment.possession);
    layer.push(pieceLayer(segment.blockHashes, file.length, pieceLength));
    why ??= segment.unreadable;
    await sink(file.firstBlock + segment.offset / BLOCK, segment.possession, segment.blockHashes);
    if (segment.offset + segment.length < file.length) continue;
    for (const { offset, length } of wrongPieces(torrent, file, Buffer.concat(layer)))
      pieces.push(damagedPiece(file, offset, length, why ?? "the data is not what the torrent says"));
    [layer, why] = [[], undefined];
  }
  const damaged = [...new Set(pieces.map(({ file }) => file))];
  const whole = damaged.length === 0;
  return { dataRoot: whole ? data.root() : null, whole, damaged, pieces };
}

/** Stretches of a file whose hashes are not the torrent's: pieces, or the whole file where its layer is not known. */
function wrongPieces(torrent: Torrent, file: TorrentFile, layer: Buffer): { offset: number; length: number }[] {
  const { pieceLength, pieceLayers } = torrent;
  if (rootOf(layer, depthOf(pieceLength / BLOCK)).equals(file.piecesRoot!)) return [];
  const expected = pieceLayers.get(Buffer.from(file.piecesRoot!).toString("hex"));
  if (expected === undefined) return [{ offset: 0, length: file.length }];
  const wrong: { offset: number; length: number }[] = [];
  for (let at = 0; at < layer.length; at += HASH) {
    if (layer.subarray(at, at + HASH).equals(expected.subarray(at, at + HASH))) continue;
    const offset = (at / HASH) * pieceLength;
    wrong.push({ offset, length: Math.min(pieceLength, file.length - offset) });
  }
  return wrong;
}

function damagedPiece(file: TorrentFile, offset: number, length: number, why: string): DamagedPiece {
  return { file: file.path.join("/"), offset, length, block: file.firstBlock + offset / BLOCK, why };
}
