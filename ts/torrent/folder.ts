import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DamagedBlockError, TorrentError } from "./errors.ts";
import type { Torrent, TorrentFile } from "./metainfo.ts";
import { BLOCK } from "./trees.ts";

/** Open files at a time, of one content. */
const MAX_HANDLES = 32;

/** System errors which say that data is not there. Any other, such as too many open files, says nothing about it. */
const GONE = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EIO"]);

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  users: number;
}

/** A torrent's files on disk. Nothing outside its folder is ever read or written: names were checked when the torrent was parsed, and
 * no link is followed on the way to a file. */
export class DataFolder {
  readonly torrent: Torrent;
  /** The folder that holds the file, or the folder, called as the torrent is. */
  readonly parent: string;
  readonly #base: string;
  readonly #open = new Map<number, OpenFile>();
  readonly #writable: boolean;
  #made: Promise<void> | undefined;

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
    const full = await realpath(path).catch(() => null);
    if (full === null) throw new TorrentError("no such file or folder", { path: resolve(path) });
    const isFile = (await stat(full)).isFile();
    if (isFile && !torrent.singleFile)
      throw new TorrentError("the torrent is a folder, this is a file", { path: full });
    const held = new DataFolder(full, torrent);
    const itself = new DataFolder(dirname(full), torrent, { base: full });
    if (torrent.singleFile) return isFile ? itself : held;
    // A folder may hold another one of its own name, and clients leave the folder out for a lone file: the better match is meant.
    return (await itself.#countFound()) > (await held.#countFound()) ? itself : held;
  }

  /** Where a file of the torrent is. */
  pathOf(file: TorrentFile): string {
    return this.torrent.singleFile ? this.#base : join(this.#base, ...file.path);
  }

  /** Where a file of the torrent is, after a look that it is there in its full length, and reached through no link.
   * @throws DamagedBlockError if it is not. */
  async locate(file: TorrentFile): Promise<string> {
    const path = this.pathOf(file);
    try {
      await this.#refuseLinks(file);
      const info = await lstat(path);
      if (!info.isFile()) throw this.#damaged(file, 0, "not a plain file");
    } catch (error) {
      throw this.#told(file, error);
    }
    return path;
  }

  /** Reads exactly `length` bytes of file `index`.
   * @throws DamagedBlockError if they are not there. */
  async read(index: number, offset: number, length: number): Promise<Buffer> {
    const file = this.torrent.files[index]!;
    const buffer = Buffer.allocUnsafe(length);
    await this.#use(index, async (handle) => {
      for (let read = 0; read < length; ) {
        const { bytesRead } = await handle.read(buffer, read, length - read, offset + read);
        if (bytesRead === 0) throw this.#damaged(file, offset + read, "the file ends early");
        read += bytesRead;
      }
    });
    return buffer;
  }

  /** Bytes of file `index` that are there.
   * @throws DamagedBlockError if it is not. */
  async size(index: number): Promise<number> {
    let size = 0;
    await this.#use(index, async (handle) => {
      size = (await handle.stat()).size;
    });
    return size;
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
    await this.#use(index, async (handle) => {
      for (let at = 0; at < data.length; )
        at += (await handle.write(data, at, data.length - at, offset + at)).bytesWritten;
    });
  }

  /** Index of the file that a block of the content belongs to. */
  fileOf(block: number): number {
    const { files, blocks } = this.torrent;
    if (!Number.isSafeInteger(block) || block < 0 || block >= blocks)
      throw new TorrentError("no such block", { block, blocks });
    let [low, high] = [0, files.length - 1];
    // The first file that ends behind the block; empty ones end where they begin.
    while (low < high) {
      const middle = (low + high) >> 1;
      if (files[middle]!.firstBlock + files[middle]!.blocks > block) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Makes the empty files, which no block belongs to. Resolves when every file, those closed meanwhile and those of an earlier run
   * included, and its name are on disk. */
  async finish(): Promise<void> {
    const folders = new Set([this.parent, dirname(this.parent)]);
    for (const [index, file] of this.torrent.files.entries()) {
      await this.#use(index, (handle) => handle.sync());
      for (let at = dirname(this.pathOf(file)); at.startsWith(this.#base); at = dirname(at)) folders.add(at);
    }
    for (const folder of folders) await syncFolder(folder);
  }

  /** Whether any of its files is there, whatever is in it. Where none is, its place may be missing, and not the data. */
  async isThere(): Promise<boolean> {
    for (const file of this.torrent.files) {
      const found = await lstat(this.pathOf(file)).catch(() => undefined);
      if (found?.isFile() && file.length > 0) return true;
    }
    return false;
  }

  /** Closes the files when those who use them are done. */
  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of files) await this.#closeFile(file);
  }

  /** Lends the open file; one that is in use is not closed, whatever the limit. */
  async #use(index: number, action: (handle: FileHandle) => Promise<void>): Promise<void> {
    const file = this.torrent.files[index]!;
    const entry = this.#open.get(index) ?? { handle: this.#openFile(file), users: 0 };
    this.#open.delete(index); // the last used goes to the end
    this.#open.set(index, entry);
    entry.users++;
    try {
      await action(await entry.handle);
    } catch (error) {
      if (this.#open.get(index) === entry) this.#open.delete(index);
      throw this.#told(file, error);
    } finally {
      entry.users--;
      if (this.#open.get(index) !== entry) {
        if (entry.users === 0) await this.#closeFile(entry);
      } else if (this.#open.size > MAX_HANDLES) {
        await this.#closeOldest();
      }
    }
  }

  async #closeOldest(): Promise<void> {
    for (const [index, entry] of this.#open) {
      if (entry.users > 0) continue;
      this.#open.delete(index);
      return this.#closeFile(entry);
    }
  }

  async #closeFile({ handle, users }: OpenFile): Promise<void> {
    if (users > 0) return; // its last user closes it
    const file = await handle.catch(() => null);
    await file?.close();
  }

  async #openFile(file: TorrentFile): Promise<FileHandle> {
    if (this.#writable) {
      this.#made ??= this.#make();
      await this.#made;
    }
    await this.#refuseLinks(file);
    const flags = this.#writable ? constants.O_RDWR | constants.O_CREAT : constants.O_RDONLY;
    return open(this.pathOf(file), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  /** Once: a folder that goes away with its disk is not made again in the place it was mounted at. */
  async #make(): Promise<void> {
    await mkdir(this.torrent.singleFile ? dirname(this.#base) : this.#base, { recursive: true });
  }

  /** Looks at each folder on the way to a file, and makes it in a copy that is written, so that nothing is made behind a link. */
  async #refuseLinks(file: TorrentFile): Promise<void> {
    let at = this.#base;
    for (const name of file.path.slice(0, -1)) {
      at = join(at, name);
      if (this.#writable) await mkdir(at).catch(() => {}); // What stands there instead of a folder is seen next.
      const info = await lstat(at);
      if (info.isSymbolicLink()) throw new TorrentError("a link inside the data folder", { path: at });
    }
  }

  async #countFound(): Promise<number> {
    let found = 0;
    for (const file of this.torrent.files.slice(0, 100)) {
      const size = await stat(this.pathOf(file)).then(
        (info) => (info.isFile() ? info.size : -1),
        () => -1,
      );
      if (size === file.length) found += 1;
    }
    return found;
  }

  /** An error as the caller is to see it. */
  #told(file: TorrentFile, error: unknown): unknown {
    const { code, message } = error as NodeJS.ErrnoException;
    return code !== undefined && GONE.has(code)
      ? this.#damaged(file, 0, code === "ENOENT" ? "no such file" : message)
      : error;
  }

  #damaged(file: TorrentFile, offset: number, why: string): DamagedBlockError {
    return new DamagedBlockError(file.firstBlock + Math.floor(offset / BLOCK), file.path.join("/"), why);
  }
}

/** Resolves when the names in a folder are on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
