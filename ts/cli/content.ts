import { Command } from "commander";
import { type Client, type Hex, stringToHex } from "viem";
import { getBlock } from "viem/actions";
import { EXIT, HoldfastError } from "../errors.ts";
import { addVersionSync } from "../sdk/actions/addVersion.ts";
import { attestSync } from "../sdk/actions/attest.ts";
import { blockContentSync } from "../sdk/actions/blockContent.ts";
import { createSeriesSync } from "../sdk/actions/createSeries.ts";
import { setHeadSync } from "../sdk/actions/setHead.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { publishContent as publish } from "../sdk/flows/publishContent.ts";
import { commitmentArgs, contentKey, signAttestation } from "../sdk/manifest.ts";
import { getContent } from "../sdk/reads/getContent.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { checkData, commitmentOf, DataFolder, type Torrent } from "../torrent/index.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { type ChainOptions, openWallet, withKey } from "./chain.ts";
import { disproveContent } from "./disprove.ts";
import { collectPeers, collectSources, integer } from "./options.ts";
import { print } from "./output.ts";
import { readTorrent } from "./torrent-file.ts";

/** Series are numbered from 1; more than this nobody types. */
const MOST_SERIES = Number.MAX_SAFE_INTEGER;

interface PublishOptions extends ChainOptions {
  readonly data: string;
  readonly name?: string;
  readonly licence: string;
  readonly series?: number;
  readonly contentVersion: number;
  readonly source: readonly string[];
  readonly peer: readonly PeerAddress[];
}

/** `holdfast content publish FILE.torrent --data PATH`. */
export function contentCommand(): Command {
  const publishing = withKey(new Command("publish"))
    .description("check a torrent's data, sign its manifest, and publish it with a bond")
    .argument("<file.torrent>", "a v2 or hybrid torrent")
    .requiredOption("--data <path>", "its file or folder, or the folder that holds it")
    .option("--name <text>", "what it is called (default: the torrent's name)")
    .option("--licence <uri>", "its licence", "")
    .option("--series <n>", "a series of yours that it is a version of (see `content series`)", integer(1, MOST_SERIES))
    .option("--content-version <n>", "its version in the series, greater than any before", integer(0, 2 ** 32 - 1), 1)
    .option(
      "--source <uri>",
      "where the .torrent is: an http, https or file address; may be repeated",
      collectSources,
      [],
    )
    .option("--peer <host:port>", "a first peer; may be repeated", collectPeers, [])
    .action((path: string, _, command: Command) => publishContent(path, command.optsWithGlobals()));
  const disproving = withKey(new Command("disprove"))
    .description("show that a content's possession tree is over other data than its torrent's, for half of its bond")
    .argument("<id>", "the content's number", integer(1, 2 ** 32 - 1))
    .argument("<file.torrent>", "its torrent")
    .requiredOption("--data <path>", "the torrent's file or folder, or the folder that holds it")
    .action((id: number, path: string, _, command: Command) => disproveContent(id, path, command.optsWithGlobals()));
  const blocking = withKey(new Command("block"))
    .description("curator: take a content out of service for good")
    .argument("<id>", "the content's number", integer(1, 2 ** 32 - 1))
    .requiredOption("--reason <text>", "why nobody should hold it, such as the address of a court's order")
    .action((id: number, _, command: Command) => block(id, command.optsWithGlobals()));
  const beginning = withKey(new Command("series"))
    .description("begin a series of versions of one data set, or say which of its versions is the head now")
    .argument("[number]", "a series of yours", integer(1, MOST_SERIES))
    .option("--head <version>", "the version that you stand for from now on, an older one too", integer(0, 2 ** 32 - 1))
    .option(
      "--content <id>",
      "with --head: a new version, and the content, published by whomever, that it is",
      integer(1, 2 ** 32 - 1),
    )
    .action((series: number | undefined, _, command: Command) => changeSeries(series, command.optsWithGlobals()));
  const attesting = withKey(new Command("attest"))
    .description("sign what you hold of a content, for readers; it has no power in the protocol")
    .argument("<id>", "the content's number", integer(1, 2 ** 32 - 1))
    .argument("<verdict>", "a word such as verified or malware-free, at most 32 bytes")
    .option("--evidence <uri>", "where your reasons are", "")
    .option("--withdraw", "you hold it no longer")
    .action((id: number, verdict: string, _, command: Command) => attestTo(id, verdict, command.optsWithGlobals()));
  const content = new Command("content").description(
    "publish torrents and their versions; attest to, disprove or block what was published",
  );
  return [publishing, beginning, attesting, disproving, blocking].reduce(
    (all, command) => all.addCommand(command),
    content,
  );
}

async function publishContent(path: string, options: PublishOptions): Promise<void> {
  if (options.source.length + options.peer.length === 0) {
    const hint = "say where the .torrent is with --source, or name a --peer that seeds it";
    throw new HoldfastError("nobody could fetch it", { hint, exitCode: EXIT.usage });
  }
  const torrent = await readTorrent(path);
  const commitment = commitmentArgs(commitmentOf(torrent, await dataRootOf(torrent, options.data)));
  const infohash = commitment.infohash.slice(2);
  const sources = [
    ...options.source,
    ...(options.peer.length > 0 ? [formatMagnet({ infohashV2: torrent.infohashV2, peers: options.peer })] : []),
  ];
  const { deployment, wallet } = await openWallet(options);
  const { name = torrent.name, licence, contentVersion: version } = options;
  const series = BigInt(options.series ?? 0);
  const { contentId } = await publish(wallet, { deployment, commitment, name, licence, series, version, sources });
  const facts = { contentId, name, key: contentKey(commitment), commitment, sources };
  print(options, facts, `published content ${contentId}: ${name}, infohash ${infohash}`);
}

async function changeSeries(
  known: number | undefined,
  options: ChainOptions & { readonly head?: number; readonly content?: number },
): Promise<void> {
  if ((known === undefined) !== (options.head === undefined)) {
    const hint =
      "`content series` begins one; `content series NUMBER --head VERSION` moves its head, `--content ID` to a new version";
    throw new HoldfastError("a series and its head go together", { hint, exitCode: EXIT.usage });
  }
  const { deployment, wallet } = await openWallet(options);
  const { head: to, content } = options;
  if (known === undefined || to === undefined) {
    const { series } = await createSeriesSync(wallet, { deployment });
    return print(options, { series }, `series ${series} is yours: publish into it with --series ${series}`);
  }
  const where = { deployment, series: BigInt(known), version: to };
  const { series, version, contentId } =
    content === undefined
      ? await setHeadSync(wallet, where)
      : await addVersionSync(wallet, { ...where, key: await keyOf(wallet, deployment, content) });
  print(
    options,
    { series, version, contentId },
    `the head of series ${series} is version ${version}, content ${contentId}`,
  );
}

interface AttestOptions extends ChainOptions {
  readonly evidence: string;
  readonly withdraw?: boolean;
}

async function attestTo(contentId: number, verdict: string, options: AttestOptions): Promise<void> {
  if (Buffer.byteLength(verdict) > 32)
    throw new HoldfastError("a verdict has at most 32 bytes", { exitCode: EXIT.usage });
  const { deployment, wallet } = await openWallet(options);
  const { timestamp: signedAt } = await getBlock(wallet);
  const key = await keyOf(wallet, deployment, contentId);
  const attestation = {
    ...{ attester: wallet.account.address, key, verdict: stringToHex(verdict, { size: 32 }) },
    ...{ holds: !options.withdraw, signedAt, evidence: options.evidence },
  };
  const signature = await signAttestation(wallet, { deployment, attestation });
  const { attester, holds } = await attestSync(wallet, { deployment, attestation, signature });
  const text = `${attester} ${holds ? "holds" : "no longer holds"} that content ${contentId} is ${verdict}`;
  print(options, { contentId, attester, verdict, holds, signedAt }, text);
}

async function block(contentId: number, options: ChainOptions & { readonly reason: string }): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { stamp } = await blockContentSync(wallet, { deployment, contentId, reason: options.reason });
  print(options, { contentId, stamp }, `content ${contentId} is out of service from round ${stamp + 1} on`);
}

async function dataRootOf(torrent: Torrent, path: string): Promise<Buffer> {
  const folder = await DataFolder.find(torrent, path);
  const { dataRoot, damaged } = await checkData(folder).finally(() => folder.close());
  if (dataRoot !== null) return dataRoot;
  throw new HoldfastError("the data is not the torrent's", {
    facts: { damaged },
    hint: "correct --data, or make the torrent anew",
  });
}

/** What is signed names contents by their keys: a number may change with a reorganisation. */
async function keyOf(client: Client, deployment: Deployment, contentId: number): Promise<Hex> {
  return (await getContent(client, { deployment, contentId })).manifest.key;
}
