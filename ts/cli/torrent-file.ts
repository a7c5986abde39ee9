import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../errors.ts";
import { MAX_TORRENT_BYTES, parseTorrent, type Torrent } from "../torrent/index.ts";

const REASONS: Readonly<Record<string, string>> = { ENOENT: "there is no such file", EISDIR: "this is a folder" };

/** The torrent that a command was given. @throws HoldfastError which names the file and what is wrong with it */
export async function readTorrent(path: string): Promise<Torrent> {
  try {
    const { size } = await stat(path);
    if (size > MAX_TORRENT_BYTES) throw new Error(`${size} bytes are too many for a .torrent`);
    return parseTorrent(await readFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = REASONS[code ?? ""] ?? message;
    throw new HoldfastError(`${path}: ${reason}`, { cause: error });
  }
}
