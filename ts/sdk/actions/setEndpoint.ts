import { Operators } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface SetEndpointParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** host:port, at most 256 bytes. */
  readonly endpoint: string;
}

/**
 * Owner: says where peers and keepers find the operator.
 *
 * @throws ContractRevert: Operators_NotOwner, Operators_EndpointTooLong
 * @example
 * await setEndpointSync(wallet, { deployment, operatorId: 3, endpoint: "seed.example.org:6881" });
 */
export const setEndpoint = defineWrite({
  contract: Operators,
  functionName: "setEndpoint",
  event: "EndpointSet",
  args: ({ operatorId, endpoint }: SetEndpointParameters) => [operatorId, endpoint],
});

/** `setEndpoint`, waited for. */
export const setEndpointSync = sync(setEndpoint);
