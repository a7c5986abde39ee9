import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../errors.ts";
import { MAX_TORRENT_BYTES, parseTorrent, type Torrent } from "../torrent/index.ts";

/** The torrent that a command was given. @throws HoldfastError which names the file and what is wrong with it */
export async function readTorrent(path: string): Promise<Torrent> {
  try {
    const { size } = await stat(path);
    if (size > MAX_TORRENT_BYTES) throw new Error(`${size} bytes are too many for a .torrent`);
    return parseTorrent(await readFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : message;
    throw new HoldfastError(`${path}: ${reason}`, { cause: error });
  }
}
