import { isIP } from "node:net";
import { z } from "zod";
import { keySchema } from "../chain/keys.ts";
import { MAX_CAPACITY } from "../sdk/constants.ts";
import { field } from "../service/config.ts";
import { parseEndpoint } from "../torrent/endpoint.ts";

const infohash = z
  .string()
  .regex(/^(0x)?[0-9a-fA-F]{64}$/, "is no v2 infohash: 32 bytes in hex")
  .transform((text) => text.replace(/^0x/, "").toLowerCase());
const endpoint = z.string().refine((text) => parseEndpoint(text) !== undefined, "must be host:port");

/** An address to listen on; port 0 takes a free one. */
const listen = z.string().transform((text, context) => {
  const [, v6, v4, port] = /^(?:\[(.+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? "";
  if (isIP(host) !== 0 && Number(port) < 65536) return { host, port: Number(port) };
  context.addIssue({ code: "custom", message: "must be ip:port" });
  return z.NEVER;
});

/** What an operator's agent is told. */
export const operatorConfig = z.strictObject({
  rpcUrl: field.url().default("http://127.0.0.1:8545"),
  /** The operator's owner or, better, its prover. */
  key: keySchema.prefault({}),
  /** Path of deployments/<chainId>.json. */
  deployment: z.string().default("deployments/31337.json"),
  /** Its store, .torrents, contents and possession caches. */
  dataDir: z.string(),
  /** Where peers are served, and from where they are called. */
  listen: listen.prefault("0.0.0.0:6881"),
  /** Where peers and keepers find it, for registering. Default: where it listens. */
  endpoint: endpoint.optional(),
  /** Which of the key's operators; needed only if it has several. */
  operatorId: z
    .int()
    .min(1)
    .max(2 ** 32 - 1)
    .optional(),
  /** Chunks of 8 MiB offered, for registering. */
  capacityChunks: z.int().min(1).max(MAX_CAPACITY).default(1024),
  /** Receives rewards, for registering. Default: the key's address. */
  payout: field.address().optional(),
  policy: z
    .strictObject({
      /** Largest content taken, in chunks. */
      maxChunks: z.int().min(1).max(MAX_CAPACITY).default(MAX_CAPACITY),
      /** Least fee taken, asset wei per chunk and round, e.g. "300 gwei". */
      minFee: field.wei().default(0n),
      /** v2 infohashes that are never held. */
      deny: z.array(infohash).default([]),
    })
    .prefault({}),
  /** Data that another client keeps on this machine and seeds: proven where it is, never written to. */
  adopt: z.array(z.strictObject({ torrent: z.string(), data: z.string() })).default([]),
  /** Whether publications may name files of this machine and private addresses: on networks of one's own only. */
  localSources: z.boolean().default(false),
  /** Contents fetched at once. */
  parallelFetches: z.int().min(1).max(64).default(4),
  /** A fetch that brings no metadata, or less than 1 MiB, in so long gives its place to another and is tried again later. */
  fetchIdle: field.duration().default(60_000),
  /** Accept an order first and fetch its content then. */
  reserveFirst: z.boolean().default(false),
  /** Rounds in which damaged data may be repaired, the one it is found in included, before the loss is reported; 0: reported at once.
   * A repair that gets on may take three more. */
  repairRounds: z.int().min(0).max(6).default(2),
  /** Share of the chunks held, 0 to 1, that may be reported lost within a round without its owner's word. */
  maxLossShare: z.number().min(0).max(1).default(0.1),
  /** Held data is read in the background, to find rot before a challenge does. */
  scrub: z
    .strictObject({
      /** In which all of it is read once. */
      period: field.duration().default(30 * 86_400_000),
      /** Bytes a second, at most. */
      maxRate: field.size().default(8 << 20),
    })
    .prefault({}),
  /** Peers that pay for what they fetch. */
  retrieval: z
    .strictObject({
      /** Whether they may. Without it all are served for free; what was promised before is still redeemed. */
      enabled: z.boolean().default(true),
      /** Asset wei per MiB; the contract's reference price if not given. */
      pricePerMiB: field.wei().optional(),
      /** Bytes given on credit to a payer of whom nothing is known. */
      window: field.size().default(1 << 20),
      /** Of a payer's free deposit, which other operators may draw on too: the share that is counted on. */
      trust: z.number().min(0).max(1).default(0),
      /** Peers served at once: paying ones by bid, free ones on a quarter of what is sent. */
      uploadSlots: z.int().min(2).max(1000).default(16),
      /** Vouchers are redeemed when they are worth so many times their gas; sooner when they would be lost otherwise. */
      worth: z.number().min(1).max(1e6).default(20),
      /** How often it is asked whether they are, and whether what was redeemed is worth collecting. */
      redeemEvery: field.duration().default(60_000),
      /** Asset wei that a wei of gas is worth: 1 for WETH, 3e-9 for a dollar of 6 decimals when ether is at 3,000. */
      assetPerEther: z.number().positive().default(1),
      /** Session keys are not taken so long before they expire, and what they promised is redeemed then. */
      keyMargin: field.duration().default(3_600_000),
    })
    .prefault({}),
  /** Most that a transaction pays, in gwei per gas, tip included. */
  maxFeeGwei: z.number().positive().default(50),
  /** Without a new block for so long, /health fails. */
  chainSilence: field.duration().default(600_000),
  /** How often the chain is looked at, in ms. */
  pollingIntervalMs: z.int().min(50).max(3_600_000).default(4000),
  /** Of /health, /ready and /metrics; 0 serves none. */
  statusPort: field.port().default(0),
});

export type OperatorConfig = z.output<typeof operatorConfig>;
export type OperatorConfigInput = z.input<typeof operatorConfig>;
