import { HoldfastError } from "../errors.ts";
import type { Wallet } from "../sdk/send.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import type { Paying } from "./fetch.ts";
import type { Listing } from "./operators.ts";
import type { Purse } from "./purse.ts";
import { quotesOf } from "./quotes.ts";

export interface PaymentOptions {
  readonly purse: Purse;
  readonly listing: Listing;
  /** Most to pay, and what to pay where less is asked for, in wei per MiB. */
  readonly maxPrice: bigint;
  readonly bid?: bigint | undefined;
  /** Operators paid at once. */
  readonly seats: number;
  /** Most to spend, in asset wei; all that the session key has left if not given. */
  readonly budget?: bigint | undefined;
  /** Sets aside what is missing of the budget. */
  readonly funding?: Funding | undefined;
  readonly say: (what: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Funding {
  readonly wallet: Wallet;
  /** Where operators may be reached: what they ask is asked before any money moves. */
  readonly peers: readonly PeerAddress[];
  /** How long a session key signs that is authorised, in seconds. */
  readonly keySeconds: number;
}

/**
 * Readies a download to pay. With funding the budget is set aside first, in equal parts for the operators that answer, ask no more than the
 * limit and stand best for their price; afterwards the wallet is not needed any more.
 *
 * @throws HoldfastError which says why nobody can be paid
 */
export async function preparePayment(options: PaymentOptions): Promise<Paying> {
  const { purse, listing, maxPrice, bid, seats, budget, funding, say, signal } = options;
  if (funding !== undefined && budget !== undefined) {
    const { wallet, peers, keySeconds } = funding;
    const contentId = listing.content.id;
    const infohash = listing.content.commitment.infohash;
    const quotes = await quotesOf({
      operators: listing.operators,
      peers,
      infohash,
      contentId,
      domain: purse.domain,
      signal,
    });
    const chosen = quotes.filter(({ price }) => price <= maxPrice).slice(0, seats);
    if (chosen.length === 0) {
      const asked = quotes.map(({ operator, price }) => `operator ${operator.id} asks ${price}`);
      throw new HoldfastError(
        `no operator offers content ${contentId} for ${maxPrice} asset wei per MiB or less: ${asked.join(", ") || "none answers"}`,
      );
    }
    const operators = chosen.map(({ operator }) => operator.address);
    await purse.fund(wallet, contentId, { budget, operators, keySeconds }, say);
  }
  return purse.paying(listing, { maxPrice, bid, seats }, budget);
}
