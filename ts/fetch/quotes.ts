import { type Address, type Hex, hexToBytes } from "viem";
import { decodePayMessage, HF_PAY, type Offer, readTerms, type Terms } from "../retrieval/hf-pay.ts";
import { type Domain, sameDomain } from "../retrieval/voucher.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { PeerClient } from "../wire/client.ts";
import { deferred } from "../wire/deferred.ts";
import { PeerError } from "../wire/errors.ts";
import type { Dictionary, Extension } from "../wire/extensions.ts";
import { newPeerId } from "../wire/peer-id.ts";
import { type Operator, worthOf } from "./operators.ts";

/** What an operator asks for a content. */
export interface Quote {
  readonly operator: Operator;
  /** In wei per MiB. */
  readonly price: bigint;
}

export interface QuoteOptions {
  readonly operators: readonly Operator[];
  /** Where they may be reached. */
  readonly peers: readonly PeerAddress[];
  /** v2, 32 bytes. */
  readonly infohash: Hex;
  readonly contentId: number;
  readonly domain: Domain;
  readonly signal?: AbortSignal | undefined;
  readonly localAddress?: string | undefined;
}

/** For one peer's offer (ms). */
const OFFER_MS = 5_000;

/**
 * Asks peers what they want for a content, before any money is set aside: who is away, or offers nothing, has no quote.
 * @returns one for each operator that answered, the best standing for its price first
 */
export async function quotesOf(options: QuoteOptions): Promise<Quote[]> {
  const offers = await Promise.all(options.peers.map((peer) => ask(peer, options).catch(() => undefined)));
  const quotes = options.operators.flatMap((operator) => {
    const offer = offers.find((heard) => heard?.operator === operator.address);
    return offer === undefined ? [] : [{ operator, price: offer.price }];
  });
  return quotes.sort((a, b) => worthOf(b.operator, b.price) - worthOf(a.operator, a.price));
}

async function ask(
  peer: PeerAddress,
  options: QuoteOptions,
): Promise<{ operator: Address; price: bigint } | undefined> {
  const infohashV2 = hexToBytes(options.infohash).subarray(0, 20);
  const listener = new Listener();
  const client = await PeerClient.dial({
    host: peer.host,
    port: peer.port,
    infohashV2,
    localAddress: options.localAddress,
    signal: options.signal,
    timeouts: { connectMs: OFFER_MS, handshakeMs: OFFER_MS, idleMs: OFFER_MS },
    handshake: { infohash: infohashV2, peerId: newPeerId(), v2: true, extended: true, fast: true },
    extensions: () => [listener],
  });
  const timer = setTimeout(() => client.close("timeout", `no offer within ${OFFER_MS} ms`), OFFER_MS);
  const stop = () => client.close();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const { terms, offer } = await listener.heard;
    const meant = sameDomain(terms, options.domain) && offer.contentId === options.contentId;
    return meant ? { operator: terms.operator, price: offer.price } : undefined;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", stop);
    client.close();
  }
}

/** Hears an offer, and says nothing. */
class Listener implements Extension {
  readonly name = HF_PAY;
  readonly #heard = deferred<{ terms: Terms; offer: Offer }>();
  #terms: Terms | undefined;

  /** Fails with a PeerError. */
  get heard(): Promise<{ terms: Terms; offer: Offer }> {
    return this.#heard.promise;
  }

  onReady(_: (payload: Uint8Array) => void, handshake: Dictionary): void {
    this.#terms = readTerms(handshake);
    if (this.#terms === undefined) this.onAbsent();
  }

  onAbsent(): void {
    this.#heard.reject(new PeerError("refused", "the peer does not ask to be paid"));
  }

  onMessage(payload: Uint8Array): void {
    const offer = decodePayMessage(payload);
    if (offer?.type === "offer" && this.#terms !== undefined) this.#heard.resolve({ terms: this.#terms, offer });
  }

  onClose(reason: PeerError): void {
    this.#heard.reject(reason);
  }
}
