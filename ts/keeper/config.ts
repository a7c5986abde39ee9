import { isIP } from "node:net";
import { z } from "zod";
import { QUICKNET_RELAYS } from "../beacon/scheme.ts";
import { keySchema } from "../chain/keys.ts";
import { field } from "../service/config.ts";

/** What a keeper is told. */
export const keeperConfig = z.strictObject({
  rpcUrl: field.url().default("http://127.0.0.1:8545"),
  /** The keeper's own, admitted and joined. */
  key: keySchema,
  /** Path of deployments/<chainId>.json. */
  deployment: z.string().default("deployments/31337.json"),
  /** Its store: samples, and what it committed to. */
  dataDir: z.string(),
  /** From which operators are called. Default: the machine's choice. */
  localAddress: z
    .string()
    .refine((text) => isIP(text) !== 0, "is no address")
    .optional(),
  /** Relays of the drand network that the deployment's Beacon names. */
  beaconUrls: z
    .array(z.url())
    .min(1)
    .default([...QUICKNET_RELAYS]),
  /** How often each content is sampled in a round, on average. */
  probesPerRound: z.number().positive().max(1440).default(4),
  /** Blocks asked for in one sample. */
  blocks: z.int().min(1).max(64).default(1),
  /** Which part of the samples reads on from its block, 1 to 4 MiB, as a download does. */
  longReads: z.number().min(0).max(1).default(0.05),
  /** Successes that count, of one network (/24, v6 /48) in one sample of a content. More only where all is one network. */
  successesPerNetwork: z.int().min(1).default(1),
  /** Milliseconds to the first byte within which an answer is available. */
  quickMs: z.int().positive().default(500),
  /** How long a peer may take to let a stranger download, in ms. */
  unchokeMs: z.int().positive().default(40_000),
  /** How long what any keeper may do is left to the one whose turn is first, and so on, in ms; no more than a 40th of a round. */
  turnMs: z.int().min(0).default(30_000),
  /** Whether operators on private addresses are called: on networks of one's own only. */
  localSources: z.boolean().default(false),
  /** Most that a transaction pays, in gwei per gas. */
  maxFeeGwei: z.number().positive().default(50),
  /** Without a new block for so long, /health fails. */
  chainSilence: field.duration().default(600_000),
  /** How often the chain is looked at, in ms. */
  pollingIntervalMs: z.int().min(50).default(4000),
  /** Port of /health, /ready and /metrics on this machine; 0 serves none. */
  statusPort: z.int().min(0).max(65_535).default(0),
});

export type KeeperConfig = z.output<typeof keeperConfig>;
