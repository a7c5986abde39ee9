import { Oracle } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";
import { read } from "../read.ts";

/**
 * Takes the sender's seat among the keepers from the next epoch on, with the bond asked now. Governance must have admitted it.
 *
 * @throws ContractRevert: Oracle_NotAdmitted, Oracle_AlreadyJoined, Oracle_CommitteeFull
 * @example
 * const { from, bond } = await pay(wallet, joinCommittee, { deployment });
 */
export const joinCommittee = priced(
  defineWrite({
    contract: Oracle,
    functionName: "join",
    event: "KeeperJoined",
    args: () => [],
  }),
  async (client, { deployment }) => read(client, deployment, Oracle, "keeperBond", []),
);

/** `joinCommittee`, waited for. */
export const joinCommitteeSync = sync(joinCommittee);
