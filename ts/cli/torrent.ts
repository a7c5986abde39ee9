import { rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { EXIT, HoldfastError } from "../errors.ts";
import {
  checkData,
  chunksOf,
  createTorrent,
  type DataCheck,
  DataFolder,
  fileCount,
  filesRoot,
  formatMagnet,
  type Torrent,
  type WorkOptions,
} from "../torrent/index.ts";
import { collectTrackers, type GlobalOptions } from "./options.ts";
import { interruptible, print } from "./output.ts";
import { readTorrent } from "./torrent-file.ts";

interface CreateFlags {
  readonly output: string;
  readonly pieceLength?: number;
  readonly v2Only?: boolean;
  readonly name?: string;
  readonly tracker: readonly string[];
}

interface InspectFlags {
  readonly data?: string;
}

/** `holdfast torrent`: making and looking at torrents, without a chain or a swarm. */
export function torrentCommand(): Command {
  return new Command("torrent")
    .description("make a torrent of files, or see what one commits to")
    .addCommand(createCommand())
    .addCommand(inspectCommand());
}

function createCommand(): Command {
  return new Command("create")
    .description("make a hybrid (v1 and v2) torrent of a file or folder, and its commitment")
    .argument("<path>", "the file or folder")
    .requiredOption("-o, --output <file>", "the .torrent to write")
    .option(
      "--piece-length <bytes>",
      "a power of two, 16384 to 268435456 (default: for 750 to 1500 pieces)",
      pieceLengthOption,
    )
    .option("--v2-only", "without the v1 side, which older clients need")
    .option("--name <name>", "what the torrent calls its content (default: as the file or folder is called)")
    .option("--tracker <url>", "where to announce; may be repeated", collectTrackers, [])
    .action((path: string, flags: CreateFlags, command: Command) =>
      run(async (work) => {
        const { output, tracker: trackers, ...options } = flags;
        await requireFolder(dirname(output), output); // before hours of hashing
        const { bytes, torrent, commitment } = await createTorrent(path, { ...options, ...work, trackers });
        await writeWhole(output, bytes);
        report({ file: output, ...summary(torrent), dataRoot: hex(commitment.dataRoot) }, command);
      }),
    );
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("what a torrent commits to; with --data, whether the data is what it says")
    .argument("<file.torrent>", "a v2 or hybrid torrent")
    .option("--data <path>", "the file or folder it describes, or the folder that holds it")
    .action((path: string, flags: InspectFlags, command: Command) =>
      run(async (work) => {
        const torrent = await readTorrent(path);
        if (flags.data === undefined) return report({ ...summary(torrent), files: filesOf(torrent) }, command);
        const check = await checkData(await DataFolder.find(torrent, flags.data), work);
        const { dataRoot, whole: matches, pieces: damaged } = check;
        const root = dataRoot === null ? null : hex(dataRoot);
        report({ ...summary(torrent), dataRoot: root, matches, files: filesOf(torrent, check), damaged }, command);
        if (!matches) process.exitCode = EXIT.failure;
      }),
    );
}

function summary(torrent: Torrent) {
  return {
    name: torrent.name,
    infohashV1: torrent.infohashV1 === null ? null : hex(torrent.infohashV1),
    infohashV2: hex(torrent.infohashV2),
    pieceLength: torrent.pieceLength,
    length: torrent.length,
    blocks: torrent.blocks,
    chunks: chunksOf(torrent.blocks),
    fileCount: fileCount(torrent),
    filesRoot: hex(filesRoot(torrent)),
    magnet: formatMagnet(torrent),
  };
}

function filesOf(torrent: Torrent, check?: DataCheck) {
  const damaged = new Set(check?.damaged);
  return torrent.files.map((file) => {
    const path = file.path.join("/");
    const row = { path, length: file.length, piecesRoot: file.piecesRoot === null ? null : hex(file.piecesRoot) };
    return check === undefined ? row : { ...row, matches: !damaged.has(path) };
  });
}

function report(facts: Readonly<Record<string, unknown>>, command: Command): void {
  print(command.optsWithGlobals<GlobalOptions>(), facts, describe(facts));
}

/** `key value` lines, and one for each item of a list. */
function describe(facts: Readonly<Record<string, unknown>>): string {
  const line = (key: string, value: unknown) => `${key.padEnd(12)} ${value ?? "none"}`;
  const lines = Object.entries(facts).flatMap(([key, value]) => {
    if (!Array.isArray(value)) return [line(key, value)];
    return value.map((item) => line(key, itemLine(item)));
  });
  return lines.join("\n");
}

function itemLine(item: Readonly<Record<string, unknown>>): string {
  return Object.entries(item)
    .map(([key, value]) => (typeof value === "string" ? value : `${key} ${value ?? "none"}`))
    .join("  ");
}

/** Runs an action which Ctrl-C stops in good order, and shows its progress on a terminal. */
function run(action: (work: WorkOptions) => Promise<void>): Promise<void> {
  const onProgress = process.stderr.isTTY ? showProgress : undefined;
  return interruptible((signal) => action({ signal, onProgress }));
}

function showProgress(done: number, total: number): void {
  const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
  process.stderr.write(done === total ? "\r\u001b[K" : `\r${percent}% of ${total} bytes`);
}

async function requireFolder(folder: string, path: string): Promise<void> {
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) throw new HoldfastError(`${path}: there is no such folder`);
}

/** Writes a file whole or not at all. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "EISDIR" ? "this is a folder" : message;
    throw new HoldfastError(`${path}: ${reason}`, { cause: error });
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** What BEP 52 allows and clients take. */
function pieceLengthOption(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && Number.isInteger(Math.log2(bytes)) && bytes >= 2 ** 14 && bytes <= 2 ** 28) return bytes;
  throw new InvalidArgumentError("Not a power of two of bytes from 16384 to 268435456, like 1048576.");
}
