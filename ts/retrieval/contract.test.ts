import type { LocalAccount } from "viem";
import { hashTypedData } from "viem";
import { simulateContract } from "viem/actions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { authoriseSync } from "../sdk/actions/authorise.ts";
import { earmarkSync } from "../sdk/actions/earmark.ts";
import { redeemSync } from "../sdk/actions/redeem.ts";
import { Retrieval } from "../sdk/contracts.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { read } from "../sdk/read.ts";
import { LocalChain } from "../testing/deploy.ts";
import { OPERATOR, SESSION, STRANGER } from "./testing.ts";
import { type SignedVoucher, signVoucher, type Voucher, voucherSigner, voucherTypedData } from "./voucher.ts";

/** As IRetrieval.Outcome counts them. */
const [PAID, NOTHING_NEW, BAD_SIGNATURE] = [0, 2, 4];

let chain: LocalChain;
let domain: { chainId: number; contract: `0x${string}` };
let voucher: Voucher;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  const { deployment } = chain;
  const wallet = chain.client(0);
  const root = (byte: string) => `0x${byte.repeat(32)}` as const;
  const commitment = { infohash: root("01"), filesRoot: root("02"), dataRoot: root("03"), blocks: 513, fileCount: 2 };
  const { contentId } = await publishContent(wallet, { deployment, commitment, name: "a set", sources: [] });
  await addDeposit(wallet, { deployment, amount: 10n ** 18n });
  await earmarkSync(wallet, { deployment, operator: OPERATOR, amount: 10n ** 17n });
  await authoriseSync(wallet, { deployment, key: SESSION.address, expiry: 2 ** 40, ceiling: 10n ** 17n });
  domain = { chainId: deployment.chainId, contract: deployment.contracts.Retrieval };
  const payer = wallet.account.address;
  voucher = { payer, operator: OPERATOR, contentId, cumulativeAmount: 10n ** 15n, cumulativeBytes: 1 << 30 };
}, 300_000);
afterAll(() => chain?.stop());

/** What the contract would do with a voucher now. */
async function outcomeOf(signed: SignedVoucher): Promise<number> {
  const { result } = await simulateContract(chain.client(1), {
    abi: Retrieval.abi,
    address: domain.contract,
    functionName: "redeem",
    args: [signed.operator, [onChain(signed)]],
  });
  return result[1][0]!;
}

const onChain = ({ contentId, cumulativeBytes, ...rest }: SignedVoucher) => ({
  ...rest,
  contentId: BigInt(contentId),
  cumulativeBytes: BigInt(cumulativeBytes),
});

test("the contract hashes a voucher as we do", async () => {
  const args = [
    { ...voucher, contentId: BigInt(voucher.contentId), cumulativeBytes: BigInt(voucher.cumulativeBytes) },
  ] as const;
  const theirs = await read(chain.client(1), chain.deployment, Retrieval, "hashOf", args);
  expect(theirs).toBe(hashTypedData(voucherTypedData(domain, voucher)));
});

test("the contract takes the signatures we take, and no others", async () => {
  const signedBy = (signer: LocalAccount) => signVoucher(signer, domain, voucher);
  const good = await signedBy(SESSION);
  expect(await outcomeOf(good)).toBe(PAID);
  expect(await outcomeOf(await signedBy(STRANGER))).toBe(BAD_SIGNATURE);
  const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const [r, s, v] = [
    good.signature.slice(0, 66),
    BigInt(`0x${good.signature.slice(66, 130)}`),
    good.signature.slice(130),
  ];
  const high = (N - s).toString(16).padStart(64, "0");
  for (const tail of [
    `${high}${v === "1b" ? "1c" : "1b"}`,
    `${good.signature.slice(66, 130)}${v === "1b" ? "00" : "01"}`,
  ]) {
    const bent: SignedVoucher = { ...good, signature: `${r}${tail}` as `0x${string}` };
    expect(await voucherSigner(domain, bent)).toBeUndefined();
    expect(await outcomeOf(bent)).toBe(BAD_SIGNATURE);
  }
});

test("H-RET-1: what a session key signed here is paid once", async () => {
  const good = await signVoucher(SESSION, domain, voucher);
  await redeemSync(chain.client(1), { deployment: chain.deployment, operator: OPERATOR, vouchers: [onChain(good)] });
  const channel = await read(chain.client(1), chain.deployment, Retrieval, "channel", [
    voucher.payer,
    OPERATOR,
    BigInt(voucher.contentId),
  ]);
  expect(channel.paid).toBe(voucher.cumulativeAmount);
  expect(await outcomeOf(good)).toBe(NOTHING_NEW);
});
