import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { DamagedBlockError, TorrentError } from "./errors.ts";
import type { Torrent, TorrentFile } from "./metainfo.ts";
import { BLOCK } from "./trees.ts";

/** Open files at a time, of one content. */
const MAX_HANDLES = 32;

/** A torrent's files on disk. Nothing outside its folder is ever read or written: names were checked when the torrent was parsed, and
 * no link is followed on the way to a file. */
export class DataFolder {
  readonly torrent: Torrent;
  /** The folder that holds the file, or the folder, called as the torrent is. */
  readonly parent: string;
  readonly #base: string;
  readonly #handles = new Map<number, Promise<FileHandle>>();
  readonly #writable: boolean;

  /** @param parent the folder that holds the torrent's file or folder. @param base that file or folder, if it is called otherwise. */
  constructor(
    parent: string,
    torrent: Torrent,
    { writable = false, base }: { writable?: boolean; base?: string } = {},
  ) {
    this.torrent = torrent;
    this.parent = resolve(parent);
    this.#base = base ?? join(this.parent, torrent.name);
    this.#writable = writable;
  }

  /** Finds a torrent's data: `path` is its file or folder, or the folder that holds it. */
  static async find(torrent: Torrent, path: string): Promise<DataFolder> {
    const full = resolve(path);
    const info = await stat(full).catch(() => null);
    if (!info) throw new TorrentError("no such file or folder", { path: full });
    if (torrent.singleFile) {
      if (info.isFile()) return new DataFolder(join(full, ".."), torrent, { base: full });
      return new DataFolder(full, torrent);
    }
    if (!info.isDirectory()) throw new TorrentError("the torrent is a folder, this is a file", { path: full });
    const inside = await stat(join(full, torrent.name)).catch(() => null);
    if (inside?.isDirectory()) return new DataFolder(full, torrent);
    const first = await stat(join(full, ...torrent.files[0]!.path)).catch(() => null);
    if (basename(full) === torrent.name || first) return new DataFolder(join(full, ".."), torrent, { base: full });
    return new DataFolder(full, torrent);
  }

  /** Where a file of the torrent is. */
  pathOf(file: TorrentFile): string {
    return this.torrent.singleFile ? this.#base : join(this.#base, ...file.path);
  }

  /** Reads exactly `length` bytes of file `index`.
   * @throws DamagedBlockError if they are not there. */
  async read(index: number, offset: number, length: number): Promise<Buffer> {
    const file = this.torrent.files[index]!;
    const buffer = Buffer.allocUnsafe(length);
    let read = 0;
    try {
      const handle = await this.#handle(index);
      while (read < length) {
        const { bytesRead } = await handle.read(buffer, read, length - read, offset + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
    } catch (error) {
      throw this.#damaged(file, offset, (error as Error).message);
    }
    if (read < length) throw this.#damaged(file, offset + read, "the file ends early");
    return buffer;
  }

  /** Reads one block of the content, a file's last one at its true length. */
  async readBlock(block: number): Promise<Buffer> {
    const index = this.fileOf(block);
    const file = this.torrent.files[index]!;
    const offset = (block - file.firstBlock) * BLOCK;
    return this.read(index, offset, Math.min(BLOCK, file.length - offset));
  }

  async write(index: number, offset: number, data: Uint8Array): Promise<void> {
    const file = this.torrent.files[index]!;
    if (!this.#writable) throw new TorrentError("this copy is read only", { file: file.path.join("/") });
    if (offset < 0 || offset + data.length > file.length)
      throw new TorrentError("write past the end of a file", { file: file.path.join("/") });
    const handle = await this.#handle(index);
    for (let at = 0; at < data.length; )
      at += (await handle.write(data, at, data.length - at, offset + at)).bytesWritten;
  }

  /** Index of the file that a block of the content belongs to. */
  fileOf(block: number): number {
    const { files, blocks } = this.torrent;
    if (!Number.isSafeInteger(block) || block < 0 || block >= blocks)
      throw new TorrentError("no such block", { block, blocks });
    let [low, high] = [0, files.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (files[middle]!.firstBlock <= block) low = middle;
      else high = middle - 1;
    }
    // Empty files after it begin at the same block.
    while (files[low]!.blocks === 0 || files[low]!.firstBlock + files[low]!.blocks <= block) low--;
    return low;
  }

  /** Makes the empty files, which no block belongs to, and flushes what was written. */
  async finish(): Promise<void> {
    for (const [index, file] of this.torrent.files.entries()) if (file.length === 0) await this.#handle(index);
    for (const handle of this.#handles.values()) await (await handle).sync();
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await (await handle.catch(() => null))?.close();
  }

  async #handle(index: number): Promise<FileHandle> {
    let handle = this.#handles.get(index);
    if (handle) {
      this.#handles.delete(index); // the last used goes to the end
    } else {
      handle = this.#open(this.torrent.files[index]!);
      if (this.#handles.size >= MAX_HANDLES) {
        const [oldest, old] = this.#handles.entries().next().value!;
        this.#handles.delete(oldest);
        // A read of it may be under way: it is closed when those that wait are served.
        setTimeout(() => void old.then((h) => h.close()).catch(() => {}), 1000);
      }
    }
    this.#handles.set(index, handle);
    handle.catch(() => this.#handles.delete(index));
    return handle;
  }

  async #open(file: TorrentFile): Promise<FileHandle> {
    const path = this.pathOf(file);
    if (this.#writable) await mkdir(join(path, ".."), { recursive: true });
    if (!this.torrent.singleFile) {
      for (let at = this.#base, i = 0; i < file.path.length - 1; i++) {
        at = join(at, file.path[i]!);
        if ((await lstat(at)).isSymbolicLink()) throw new TorrentError("a link inside the data folder", { path: at });
      }
    }
    const flags = this.#writable ? constants.O_RDWR | constants.O_CREAT : constants.O_RDONLY;
    return open(path, flags | constants.O_NOFOLLOW);
  }

  #damaged(file: TorrentFile, offset: number, why: string): DamagedBlockError {
    return new DamagedBlockError(file.firstBlock + Math.floor(offset / BLOCK), file.path.join("/"), why);
  }
}
