import type { Address } from "viem";
import type { Deployment } from "../bindings/deployments.ts";

export type { Deployment } from "../bindings/deployments.ts";

/** What every action and read takes beside its own parameters. */
export interface OnDeployment {
  readonly deployment: Deployment;
}

/** The protocol's contracts, whose events and errors are its own: all but the asset and the AccessManager. */
export function protocolAddresses({ contracts: { Authority, Asset, ...protocol } }: Deployment): Address[] {
  return Object.values(protocol);
}
