import { publish } from "../actions/publish.ts";
import type { OnDeployment } from "../deployment.ts";
import { type ManifestParameters, manifestOf, signManifest } from "../manifest.ts";
import { pay } from "../pay.ts";
import type { Wallet } from "../send.ts";

/** Of a content that the wallet itself publishes. */
export type PublishContentParameters = Omit<ManifestParameters, "publisher"> & OnDeployment;

/**
 * Publishes a content as the wallet's own: makes and signs its manifest, and pays the bond asked now.
 *
 * @throws HoldfastError when the wallet has less than the bond, before anything is sent
 * @throws ContractRevert as `publish`
 * @example
 * const { contentId } = await publishContent(wallet, { deployment, commitment, name: "A data set", sources: [magnet] });
 */
export async function publishContent(wallet: Wallet, { deployment, ...parameters }: PublishContentParameters) {
  const manifest = manifestOf({ ...parameters, publisher: wallet.account.address });
  const signature = await signManifest(wallet, { deployment, manifest });
  return pay(wallet, publish, { deployment, manifest, commitment: parameters.commitment, signature });
}
