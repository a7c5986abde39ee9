import type { Hex } from "viem";
import { Catalog } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";
import type { CommitmentArgs, Manifest } from "../manifest.ts";
import { read } from "../read.ts";

export interface PublishParameters {
  /** What the publisher says of the content: `manifestOf` makes it. */
  readonly manifest: Manifest;
  /** What fixes the content byte for byte: `commitmentArgs` of a torrent's commitment. */
  readonly commitment: CommitmentArgs;
  /** The publisher's, of the manifest: `signManifest` makes it. */
  readonly signature: Hex;
}

/**
 * Publishes a content with the bond asked now, paid by the sender and owed to the publisher; anyone may relay a signed manifest. The bond is back
 * 2 epochs after the last order of the content ends (`withdrawPublishBond`).
 *
 * @throws ContractRevert: Catalog_AlreadyPublished, Catalog_BadSignature, Catalog_ManifestMismatch, Catalog_BlocksOutOfBounds,
 * Catalog_FileCountOutOfBounds, Catalog_TextTooLong, Catalog_TooManySources, Catalog_Stamped, Catalog_NotSeriesOwner,
 * Catalog_NotNewer
 * @example
 * const signature = await signManifest(wallet, { deployment, manifest });
 * const { contentId } = await pay(wallet, publish, { deployment, manifest, commitment, signature });
 */
export const publish = priced(
  defineWrite({
    contract: Catalog,
    functionName: "publish",
    event: "Published",
    args: ({ manifest, commitment, signature }: PublishParameters) => [manifest, commitment, signature],
  }),
  async (client, { deployment }) => read(client, deployment, Catalog, "publishBond", []),
);

/** `publish`, waited for. */
export const publishSync = sync(publish);
