import {
  type Address,
  type Hex,
  hashTypedData,
  isAddressEqual,
  isHex,
  type LocalAccount,
  recoverAddress,
  size,
  slice,
} from "viem";

/** Where vouchers are good: the Retrieval contract of one chain. */
export interface Domain {
  readonly chainId: number;
  readonly contract: Address;
}

/** A promise: what a channel (payer, operator, content) owes in all. Of many only the last matters. */
export interface Voucher {
  readonly payer: Address;
  readonly operator: Address;
  readonly contentId: number;
  /** Asset wei from the channel's beginning on. */
  readonly cumulativeAmount: bigint;
  /** Bytes from the channel's beginning on. */
  readonly cumulativeBytes: number;
}

export interface SignedVoucher extends Voucher {
  /** 65 bytes, of the payer or of a session key it authorised. */
  readonly signature: Hex;
}

/** The contract keeps amounts in 96 bits: no larger promise can be paid. */
export const MAX_AMOUNT = 2n ** 96n - 1n;

/** Half the order of secp256k1: the contract takes the lower of the two values of s, as EIP-2 has it. */
const MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

const TYPES = {
  Voucher: [
    { name: "payer", type: "address" },
    { name: "operator", type: "address" },
    { name: "contentId", type: "uint64" },
    { name: "cumulativeAmount", type: "uint128" },
    { name: "cumulativeBytes", type: "uint64" },
  ],
} as const;

/** What is signed (EIP-712). */
export function voucherTypedData({ chainId, contract }: Domain, voucher: Voucher) {
  const { payer, operator, contentId, cumulativeAmount, cumulativeBytes } = voucher;
  return {
    domain: { name: "Holdfast Retrieval", version: "1", chainId, verifyingContract: contract },
    types: TYPES,
    primaryType: "Voucher",
    message: {
      payer,
      operator,
      contentId: BigInt(contentId),
      cumulativeAmount,
      cumulativeBytes: BigInt(cumulativeBytes),
    },
  } as const;
}

/** Signs with the payer's key or a session key's. @throws RangeError when the contract could not take it */
export async function signVoucher(signer: LocalAccount, domain: Domain, voucher: Voucher): Promise<SignedVoucher> {
  if (!isSaneVoucher(voucher)) throw new RangeError("a voucher beyond what the contract can pay");
  return { ...voucher, signature: await signer.signTypedData(voucherTypedData(domain, voucher)) };
}

/**
 * Who signed a voucher: a wrong chain, contract, operator, payer, content or amount gives a stranger's address. Undefined
 * when the contract would not take the signature at all.
 */
export async function voucherSigner(domain: Domain, voucher: SignedVoucher): Promise<Address | undefined> {
  const { signature } = voucher;
  if (!isSaneVoucher(voucher) || !isCanonical(signature)) return undefined;
  const hash = hashTypedData(voucherTypedData(domain, voucher));
  return recoverAddress({ hash, signature }).catch(() => undefined);
}

export function isSaneVoucher({ contentId, cumulativeAmount, cumulativeBytes }: Voucher): boolean {
  const counts = Number.isSafeInteger(contentId) && contentId >= 0;
  const bytes = Number.isSafeInteger(cumulativeBytes) && cumulativeBytes > 0;
  return counts && bytes && cumulativeAmount > 0n && cumulativeAmount <= MAX_AMOUNT;
}

/** Whether two domains are the same place. */
export function sameDomain(a: Domain, b: Domain): boolean {
  return a.chainId === b.chainId && isAddressEqual(a.contract, b.contract);
}

/** 65 bytes, v 27 or 28, low s: viem would recover from more than OpenZeppelin's ECDSA does. */
function isCanonical(signature: Hex): boolean {
  if (!isHex(signature) || size(signature) !== 65) return false;
  const v = Number(slice(signature, 64));
  return (v === 27 || v === 28) && BigInt(slice(signature, 32, 64)) <= MAX_S;
}
