import type { Hex } from "viem";
import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";
import type { Attestation } from "../manifest.ts";

export interface AttestParameters {
  /** What the attester says. */
  readonly attestation: Attestation;
  /** The attester's, over `Catalog.hashOfAttestation`: `signAttestation` makes it. */
  readonly signature: Hex;
}

/**
 * Records what an attester signed about a content, by anyone. It has no power in the protocol: events and `Catalog.verdictOf` are for readers.
 *
 * @throws ContractRevert: Catalog_Unknown, Catalog_BadTime, Catalog_BadSignature, Catalog_TextTooLong
 * @example
 * const signature = await signAttestation(attester, { deployment, attestation });
 * await attestSync(wallet, { deployment, attestation, signature });
 */
export const attest = defineWrite({
  contract: Catalog,
  functionName: "attest",
  event: "Attested",
  args: ({ attestation, signature }: AttestParameters) => [attestation, signature],
});

/** `attest`, waited for. */
export const attestSync = sync(attest);
