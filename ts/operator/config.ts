import { isIP } from "node:net";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { keySchema } from "../chain/keys.ts";
import { parseEndpoint } from "./sources.ts";

const address = z.custom<Address>((value) => typeof value === "string" && isAddress(value), "is no address");
const infohash = z
  .string()
  .regex(/^(0x)?[0-9a-fA-F]{64}$/, "is no v2 infohash: 32 bytes in hex")
  .transform((text) => text.replace(/^0x/, "").toLowerCase());
const wei = z.union([z.int().nonnegative(), z.string().regex(/^\d{1,30}$/)]).transform(BigInt);
const endpoint = z.string().refine((text) => parseEndpoint(text) !== undefined, "is not host:port");
/** An address to listen on; port 0 takes a free one. */
const listen = z.string().transform((text, context) => {
  const [, v6, v4, port] = /^(?:\[(.+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? "";
  if (isIP(host) !== 0 && Number(port) < 65536) return { host, port: Number(port) };
  context.addIssue({ code: "custom", message: "is not ip:port" });
  return z.NEVER;
});

/** What an operator's agent is told; docs/operators.md explains each setting. */
export const operatorConfig = z.strictObject({
  rpcUrl: z.url(),
  /** The operator's owner or, better, its prover. */
  key: keySchema,
  /** Path of deployments/<chainId>.json. */
  deployment: z.string(),
  /** Its store, .torrents, contents and possession caches. */
  dataDir: z.string(),
  /** Where peers are served, and from where they are called. */
  listen,
  /** Where peers and keepers find it, for registering. Default: what it listens on. */
  endpoint: endpoint.optional(),
  /** Which of the key's operators; needed only if it has several. */
  operatorId: z.int().positive().optional(),
  /** Chunks of 8 MiB offered, for registering. */
  capacityChunks: z.int().min(1).max(1_048_576).default(1024),
  /** Receives rewards, for registering. Default: the key's address. */
  payout: address.optional(),
  policy: z
    .strictObject({
      /** Largest content taken, in chunks. */
      maxChunks: z.int().positive().default(1_048_576),
      /** Least fee taken, in asset wei per chunk and round. */
      minFee: wei.default(0n),
      /** v2 infohashes that are never held. */
      deny: z.array(infohash).default([]),
    })
    .prefault({}),
  /** Data that another client keeps on this machine and seeds: proven where it is, never written to. */
  adopt: z.array(z.strictObject({ torrent: z.string(), data: z.string() })).default([]),
  /** Whether publications may name files of this machine and private addresses: on networks of one's own only. */
  localSources: z.boolean().default(false),
  parallelFetches: z.int().min(1).max(64).default(2),
  reserveFirst: z.boolean().default(false),
  /** Rounds that repairing damaged data may take before the loss is reported. */
  repairRounds: z.int().min(0).max(6).default(1),
  /** Most that a transaction pays, in gwei per gas. */
  maxFeeGwei: z.number().positive().default(50),
  /** How often the chain is looked at, in ms. */
  pollingIntervalMs: z.int().min(50).default(4000),
  /** Where /health, /ready and /metrics are served. */
  health: listen.optional(),
});

export type OperatorConfig = z.output<typeof operatorConfig>;
export type OperatorConfigInput = z.input<typeof operatorConfig>;
