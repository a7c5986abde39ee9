import type { Client } from "viem";
import { HoldfastError } from "../../errors.ts";
import { Catalog, type CatalogContract, type ReadResult } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { eventsOf } from "../events.ts";
import type { CommitmentArgs, Manifest } from "../manifest.ts";
import { batch, query } from "../query.ts";

/** A content as ICatalog.Content has it (the bond in asset wei), and what its latest publication says. */
export interface Content extends ReadResult<CatalogContract, "content"> {
  readonly contentId: number;
  /** Of 8 MiB: what its orders are paid by. */
  readonly chunks: number;
  readonly commitment: CommitmentArgs;
  readonly manifest: Manifest;
}

export interface GetContentParameters extends OnDeployment {
  readonly contentId: number;
}

/**
 * A content, its commitment and its publisher's manifest.
 *
 * @throws HoldfastError when there is none of this number
 * @example
 * const { chunks, manifest } = await getContent(client, { deployment, contentId: 1 });
 */
export async function getContent(client: Client, { deployment, contentId }: GetContentParameters): Promise<Content> {
  const [[content, chunks], publications] = await Promise.all([
    batch(client, [
      query(deployment, Catalog, "content", [contentId]),
      query(deployment, Catalog, "chunks", [contentId]),
    ]),
    eventsOf(client, deployment, Catalog, "Published", { contentId }),
  ]);
  const latest = publications.at(-1);
  if (latest === undefined) throw new HoldfastError(`there is no content ${contentId}`);
  const { commitment, manifest } = latest.args;
  return { ...content, contentId, chunks, commitment, manifest };
}
