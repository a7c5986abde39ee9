import { randomInt } from "node:crypto";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { verifyHashes } from "../torrent/hash-request.ts";
import { BLOCK, HASH, hashBlock } from "../torrent/trees.ts";
import { type BlockAnswer, PeerClient } from "./client.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "./connection.ts";
import { PeerError, type PeerFault } from "./errors.ts";
import { blocksOf, type FileShape, Layout, leafRequest, type Piece } from "./layout.ts";
import { newPeerId } from "./peer-id.ts";
import { layerKey, type PieceLayers, pieceMatches } from "./verify.ts";

/** What a probe has to know of a content. An on-chain file table and the infohash are enough; a parsed torrent is one too. */
export interface ProbeTarget {
  /** Whole v2 infohash, 32 bytes. */
  readonly infohashV2: Uint8Array;
  /** A hybrid's other infohash; with it peers that know no v2 are reached. */
  readonly infohashV1?: Uint8Array | null | undefined;
  /** Bytes. */
  readonly pieceLength: number;
  /** All files in torrent order, for they decide which piece is where. */
  readonly files: readonly FileShape[];
  /** A .torrent has them; peers that know no v2 can be checked with them only. */
  readonly pieceLayers?: PieceLayers | undefined;
}

/** Milliseconds, beside the connection's own. */
export interface ProbeTimeouts extends Timeouts {
  /** Until a slow client lets a stranger download; 30 s is common. */
  readonly unchokeMs: number;
  /** To one block, or to its hashes. */
  readonly answerMs: number;
}

export const DEFAULT_PROBE_TIMEOUTS: ProbeTimeouts = { ...DEFAULT_TIMEOUTS, unchokeMs: 40_000, answerMs: 15_000 };

export interface ProbeOptions extends PeerAddress {
  readonly torrent: ProbeTarget;
  /** Blocks to ask for, one after the other on one connection; 1 when not given. */
  readonly count?: number | undefined;
  /**
   * Whether they follow each other, from a random one on, as in a download: no more than there are, the first one alone, so that its time
   * tells of the disk and not of our queue, and none after one that was not right.
   */
  readonly sequential?: boolean | undefined;
  readonly localAddress?: string | undefined;
  readonly timeouts?: Partial<ProbeTimeouts> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A uniform whole number in [0, n); crypto's when not given. */
  readonly random?: ((n: number) => number) | undefined;
}

/** One block asked of a peer. */
export interface Sample {
  readonly file: number;
  /** Place in the file, in blocks of 16 KiB. */
  readonly block: number;
  /** A block came. */
  readonly answered: boolean;
  /** It is the right one: its hash leads to the file's pieces root. */
  readonly verified: boolean;
  /** From the request to the first byte of the block's data, in ms; undefined without an answer. */
  readonly firstByteMs: number | undefined;
  /** Why it is not verified; undefined when it is. `unproven`: a block came, but nothing to check it with. */
  readonly fault: PeerFault | "absent" | "unproven" | undefined;
  /** The same for a person. */
  readonly reason: string | undefined;
}

/** Blocks asked for at a time in a sequential read. */
const READ_AHEAD = 8;

/**
 * Asks a peer for random blocks, as any downloader would, and checks each against its file's pieces root, with no data of
 * its own: the proof is asked for after the block came, so that holding the hashes alone is of no use.
 * A peer that cannot be reached gives `count` samples that say so: a probe does not throw for what a peer does.
 *
 * @throws the signal's reason
 * @example
 * const [sample] = await probe({ host: "192.0.2.7", port: 6881, torrent });
 */
export async function probe(options: ProbeOptions): Promise<Sample[]> {
  const { torrent, count = 1, sequential = false, signal, random = randomInt } = options;
  const timeouts = { ...DEFAULT_PROBE_TIMEOUTS, ...options.timeouts };
  const layout = new Layout(torrent.pieceLength, torrent.files);
  let places = sequential ? consecutivePlaces(layout, count, random) : randomPlaces(layout, count, random);
  const samples: Sample[] = [];
  const infohashV2 = torrent.infohashV2.subarray(0, 20);
  let client: PeerClient | undefined;
  const stop = () => client?.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    client = await PeerClient.dial({
      host: options.host,
      port: options.port,
      localAddress: options.localAddress,
      infohashV2,
      handshake: {
        infohash: torrent.infohashV1 ?? infohashV2,
        peerId: newPeerId(),
        v2: true,
        extended: true,
        fast: true,
      },
      pieceCount: layout.pieceCount,
      timeouts,
      signal,
    });
    client.interested();
    // Without hash requests a block is proven by its whole piece, which is a longer read already.
    if (sequential && !client.connection.v2) places = places.slice(0, 1);
    while (samples.length < places.length) {
      const atOnce = sequential && samples.length > 0 ? READ_AHEAD : 1;
      const next = places.slice(samples.length, samples.length + atOnce);
      const asked = client;
      samples.push(...(await Promise.all(next.map((place) => sample(asked, torrent, place, timeouts)))));
      if (sequential && samples.some(({ verified }) => !verified)) break;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof PeerError)) throw error;
    for (const place of places.slice(samples.length)) samples.push(failure(place, error.fault, error.message));
  } finally {
    signal?.removeEventListener("abort", stop);
    client?.close();
  }
  return samples;
}

interface Place {
  readonly piece: number;
  readonly where: Piece;
  /** In the file. */
  readonly block: number;
}

function randomPlaces(layout: Layout, count: number, random: (n: number) => number): Place[] {
  const total = totalBlocks(layout);
  return Array.from({ length: count }, () => placeOf(layout, random(total)));
}

function consecutivePlaces(layout: Layout, count: number, random: (n: number) => number): Place[] {
  const total = totalBlocks(layout);
  const length = Math.min(count, total);
  const first = random(total - length + 1);
  return Array.from({ length }, (_, i) => placeOf(layout, first + i));
}

function totalBlocks({ files }: Layout): number {
  return files.reduce((sum, file) => sum + blocksOf(file), 0);
}

/** Where a block is. @param block Counted over all files */
function placeOf(layout: Layout, block: number): Place {
  let [inFile, i] = [block, 0];
  for (; inFile >= blocksOf(layout.files[i]!); i++) inFile -= blocksOf(layout.files[i]!);
  const piece = layout.files[i]!.firstPiece + Math.floor((inFile * BLOCK) / layout.pieceLength);
  return { piece, where: layout.piece(piece), block: inFile };
}

function failure(place: Place, fault: Sample["fault"], reason: string, firstByteMs?: number): Sample {
  const answered = firstByteMs !== undefined;
  return { file: place.where.file.index, block: place.block, answered, verified: false, firstByteMs, fault, reason };
}

/** @throws PeerError only when the connection is of no more use */
async function sample(
  client: PeerClient,
  torrent: ProbeTarget,
  place: Place,
  timeouts: ProbeTimeouts,
): Promise<Sample> {
  let answer: BlockAnswer;
  try {
    await client.unchoked(timeouts.unchokeMs);
    if (!client.has.get(place.piece)) return failure(place, "absent", `the peer does not have piece ${place.piece}`);
    answer = await client.block(spanOf(place, place.block), timeouts.answerMs);
  } catch (error) {
    if (client.connection.closed || !(error instanceof PeerError)) throw error;
    return failure(place, error.fault, error.message);
  }
  const { firstByteMs } = answer;
  try {
    const right = client.connection.v2
      ? await provenByHashes(client, place, answer.data, timeouts)
      : await provenByPiece(client, torrent, place, answer.data, timeouts);
    if (!right) return failure(place, "bad-data", "the block does not lead to the file's pieces root", firstByteMs);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return failure(place, error.fault === "refused" ? "unproven" : error.fault, error.message, firstByteMs);
  }
  const { file } = place.where;
  return {
    file: file.index,
    block: place.block,
    answered: true,
    verified: true,
    firstByteMs,
    fault: undefined,
    reason: undefined,
  };
}

function spanOf({ piece, where }: Place, block: number): { piece: number; begin: number; length: number } {
  const at = block * BLOCK;
  return { piece, begin: at - where.offset, length: Math.min(BLOCK, where.file.length - at) };
}

async function provenByHashes(
  client: PeerClient,
  place: Place,
  data: Uint8Array,
  timeouts: ProbeTimeouts,
): Promise<boolean> {
  const leaf = hashBlock(data);
  const { file } = place.where;
  if (file.length <= BLOCK) return leaf.equals(file.piecesRoot);
  const request = leafRequest(file, place.block);
  const hashes = await client.hashes(request, timeouts.answerMs);
  const at = (place.block - request.index) * HASH;
  return verifyHashes(request, blocksOf(file), hashes) && leaf.equals(hashes.subarray(at, at + HASH));
}

/** Without hash requests the block is checked with its whole piece, and the piece with the torrent's piece layer. */
async function provenByPiece(
  client: PeerClient,
  torrent: ProbeTarget,
  place: Place,
  data: Uint8Array,
  timeouts: ProbeTimeouts,
): Promise<boolean> {
  const { file, offset, length } = place.where;
  const layers = torrent.pieceLayers ?? new Map();
  if (file.pieceCount > 1 && !layers.has(layerKey(file.piecesRoot))) {
    throw new PeerError(
      "refused",
      "the peer gives no hashes, and without a piece layer there is nothing to check it with",
    );
  }
  const whole = Buffer.alloc(length);
  for (let block = offset / BLOCK; block * BLOCK < offset + length; block++) {
    const answer = block === place.block ? { data } : await client.block(spanOf(place, block), timeouts.answerMs);
    whole.set(answer.data, block * BLOCK - offset);
  }
  return pieceMatches(whole, place.where, torrent.pieceLength, layers);
}
