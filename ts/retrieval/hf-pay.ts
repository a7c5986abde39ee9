// The messages of hf_pay, as docs/hf-pay.md specifies them.
import { type Address, bytesToHex, getAddress, type Hex, hexToBytes } from "viem";
import { type Bencode, type Decoded, encode } from "../torrent/bencode.ts";
import { PeerError } from "../wire/errors.ts";
import { type Dictionary, readDictionary } from "../wire/extensions.ts";
import type { Domain, SignedVoucher } from "./voucher.ts";

/** The extension's name in `m`, and the key of a seeder's terms in the extended handshake. */
export const HF_PAY = "hf_pay";

/** Longest message, in bytes. */
export const MAX_MESSAGE = 1024;

/** Highest price, in wei per MiB: amounts have 96 bits. */
const MAX_PRICE = 2n ** 96n - 1n;
const MAX_WINDOW = 1 << 30;

/** What a seeder says of itself in the extended handshake. */
export interface Terms extends Domain {
  /** Who is paid. */
  readonly operator: Address;
  /** Least, in wei per MiB. */
  readonly price: bigint;
  /** Bytes served on credit, at the start. */
  readonly window: number;
}

/** What the content of this connection costs. */
export interface Offer {
  readonly type: "offer";
  readonly contentId: number;
  /** Least, in wei per MiB. */
  readonly price: bigint;
  /** Bytes served on credit, at the start: at least a piece. */
  readonly window: number;
}

/** Payment for what was sent, and the price from here on. */
export interface Payment {
  readonly type: "voucher";
  readonly domain: Domain;
  readonly voucher: SignedVoucher;
  /** What the next voucher will pay for what is sent until then, in wei per MiB: at least the offer's price. */
  readonly bid: bigint;
}

/** Why a voucher is not taken, or no more is sent. */
export type Reason = keyof typeof REASONS;

export interface Refusal {
  readonly type: "refusal";
  readonly reason: Reason;
  /** With `stale`: the voucher that counts. Its signature proves that it was given. */
  readonly last?: Pick<SignedVoucher, "cumulativeAmount" | "cumulativeBytes" | "signature"> | undefined;
}

export type PayMessage = Offer | Payment | Refusal;

const REASONS = {
  /** Nothing is wrong: the credit window is used up, and sending goes on with the next voucher. */
  credit: 0,
  /** Of another chain, contract, operator or content than offered. */
  domain: 1,
  /** Amount or bytes do not grow over the last voucher taken. */
  stale: 2,
  /** Pays less than the price, or than the bid before it. */
  price: 3,
  /** Neither the payer's nor that of a session key it authorised. */
  signature: 4,
  /** The session key has expired or is about to, or its ceiling is reached. */
  key: 5,
  /** More than the payer has deposited for this operator. */
  funds: 6,
  /** The chain cannot be asked now: the same voucher may be sent again later. */
  unavailable: 7,
} as const;

const REASON_OF = new Map<unknown, Reason>(Object.entries(REASONS).map(([reason, code]) => [code, reason as Reason]));

const MESSAGE_TYPES = { offer: 0, voucher: 1, refusal: 2 } as const;

/** The seeder's terms, for the extended handshake. */
export function announceTerms({ chainId, contract, operator, price, window }: Terms): ReadonlyMap<string, Bencode> {
  const terms = new Map<string, Bencode>([
    ["chain", chainId],
    ["contract", hexToBytes(contract)],
    ["operator", hexToBytes(operator)],
    ["price", natural(price)],
    ["window", window],
  ]);
  return new Map([[HF_PAY, terms]]);
}

/** The terms in a seeder's extended handshake, if it has any. @throws a `malformed` PeerError */
export function readTerms(handshake: Dictionary): Terms | undefined {
  const terms = handshake.get(HF_PAY);
  if (terms === undefined) return undefined;
  if (!(terms instanceof Map)) throw malformed("terms that are no dictionary");
  return {
    ...readDomain(terms),
    operator: address(terms, "operator"),
    price: amount(terms, "price", MAX_PRICE),
    window: integer(terms, "window", 1, MAX_WINDOW),
  };
}

export function encodePayMessage(message: PayMessage): Uint8Array {
  return encode(new Map<string, Bencode>([["msg_type", MESSAGE_TYPES[message.type]], ...bodyOf(message)]));
}

/** @throws a `malformed` PeerError; of a type that is not known it returns undefined */
export function decodePayMessage(payload: Uint8Array): PayMessage | undefined {
  if (payload.length > MAX_MESSAGE) throw malformed(`a message of ${payload.length} bytes`);
  const [message, rest] = readDictionary(payload, MAX_MESSAGE);
  if (rest.length > 0) throw malformed("a message with data after its end");
  switch (integer(message, "msg_type", 0, Number.MAX_SAFE_INTEGER)) {
    case MESSAGE_TYPES.offer:
      return {
        type: "offer",
        contentId: integer(message, "content", 0, Number.MAX_SAFE_INTEGER),
        price: amount(message, "price", MAX_PRICE),
        window: integer(message, "window", 1, MAX_WINDOW),
      };
    case MESSAGE_TYPES.voucher:
      return {
        type: "voucher",
        domain: readDomain(message),
        voucher: {
          payer: address(message, "payer"),
          operator: address(message, "operator"),
          contentId: integer(message, "content", 0, Number.MAX_SAFE_INTEGER),
          ...readPromise(message),
        },
        bid: amount(message, "bid", MAX_PRICE),
      };
    case MESSAGE_TYPES.refusal: {
      const reason = REASON_OF.get(message.get("reason"));
      if (reason === undefined) return undefined;
      return { type: "refusal", reason, last: message.has("sig") ? readPromise(message) : undefined };
    }
    default:
      return undefined;
  }
}

function bodyOf(message: PayMessage): [string, Bencode][] {
  switch (message.type) {
    case "offer":
      return [
        ["content", message.contentId],
        ["price", natural(message.price)],
        ["window", message.window],
      ];
    case "voucher":
      return [
        ["chain", message.domain.chainId],
        ["contract", hexToBytes(message.domain.contract)],
        ["operator", hexToBytes(message.voucher.operator)],
        ["payer", hexToBytes(message.voucher.payer)],
        ["content", message.voucher.contentId],
        ["bid", natural(message.bid)],
        ...promise(message.voucher),
      ];
    case "refusal":
      return [["reason", REASONS[message.reason]], ...(message.last === undefined ? [] : promise(message.last))];
  }
}

type Promised = Pick<SignedVoucher, "cumulativeAmount" | "cumulativeBytes" | "signature">;

function promise({ cumulativeAmount, cumulativeBytes, signature }: Promised): [string, Bencode][] {
  return [
    ["amount", natural(cumulativeAmount)],
    ["bytes", cumulativeBytes],
    ["sig", hexToBytes(signature)],
  ];
}

function readPromise(message: Dictionary): Promised {
  return {
    cumulativeAmount: amount(message, "amount", 2n ** 128n - 1n),
    cumulativeBytes: integer(message, "bytes", 0, Number.MAX_SAFE_INTEGER),
    signature: bytesToHex(bytes(message, "sig", 65)),
  };
}

function readDomain(message: Dictionary): Domain {
  return {
    chainId: integer(message, "chain", 1, Number.MAX_SAFE_INTEGER),
    contract: address(message, "contract"),
  };
}

function integer(message: Dictionary, key: string, least: number, most: number): number {
  const value = message.get(key);
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw unfit(key, value);
}

function bytes(message: Dictionary, key: string, length: number): Uint8Array {
  const value = message.get(key);
  if (value instanceof Uint8Array && value.length === length) return value;
  throw unfit(key, value);
}

function address(message: Dictionary, key: string): Address {
  return getAddress(bytesToHex(bytes(message, key, 20)));
}

/** Numbers beyond 53 bits are big-endian bytes without leading zeros: 0 is the empty string. */
function natural(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
}

function amount(message: Dictionary, key: string, most: bigint): bigint {
  const value = message.get(key);
  if (!(value instanceof Uint8Array) || value.length > 16 || value[0] === 0) throw unfit(key, value);
  const number = value.length === 0 ? 0n : BigInt(bytesToHex(value) as Hex);
  if (number > most) throw unfit(key, value);
  return number;
}

function unfit(key: string, value: Decoded | undefined): PeerError {
  return malformed(value === undefined ? `a message without ${key}` : `a message whose ${key} is out of bounds`);
}

function malformed(what: string): PeerError {
  return new PeerError("malformed", `${HF_PAY}: ${what}`);
}
