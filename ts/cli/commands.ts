import type { Command } from "commander";

/** A subcommand, loaded only when it is asked for: `holdfast --help` must not wait for what it does not run. */
export interface CommandEntry {
  /** What help says of it; the command itself has the same. */
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** In the order help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  torrent: {
    description: "make a torrent of files, or see what one commits to",
    load: async () => (await import("./torrent.ts")).torrentCommand(),
  },
  content: {
    description: "publish torrents and their versions; attest to, disprove or block what was published",
    load: async () => (await import("./content.ts")).contentCommand(),
  },
  order: {
    description: "orders to hold a content",
    load: async () => (await import("./order.ts")).orderCommand(),
  },
  fetch: {
    description: "download a torrent, from operators that are paid and from peers that are not",
    load: async () => (await import("./fetch.ts")).fetchCommand(),
  },
  retrieval: {
    description: "the money that pays for downloads",
    load: async () => (await import("./retrieval.ts")).retrievalCommand(),
  },
  operator: {
    description: "hold contents, prove them, and be paid",
    load: async () => (await import("./operator.ts")).operatorCommand(),
  },
  probe: {
    description: "ask a BitTorrent peer for random blocks and check them against the torrent's pieces roots",
    load: async () => (await import("./probe.ts")).probeCommand(),
  },
  keeper: {
    description: "sample the swarm for the protocol, and be paid for it",
    load: async () => (await import("./keeper.ts")).keeperCommand(),
  },
  status: {
    description: "the network: where its clock stands, and every operator's standing and next deadline",
    load: async () => (await import("./status.ts")).statusCommand(),
  },
  deployment: {
    description: "what is deployed, against what should be",
    load: async () => (await import("./deployment.ts")).deploymentCommand(),
  },
  chain: {
    description: "run a local chain with the contracts and a beacon until stopped, for trying the other commands",
    load: async () => (await import("./local-chain.ts")).chainCommand(),
  },
  devnet: {
    description: "run a whole network on this machine for an epoch: chain, beacon, keepers, operators, uploader",
    load: async () => (await import("./devnet.ts")).devnetCommand(),
  },
};
