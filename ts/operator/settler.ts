import type { Logger } from "pino";
import type { Call } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import { claim } from "../sdk/actions/claim.ts";
import { settle } from "../sdk/actions/settle.ts";
import { tally } from "../sdk/actions/tally.ts";
import { epochOf, indexOf } from "../sdk/clock.ts";
import { PAGE, SETTLE_ROUND } from "../sdk/constants.ts";
import { Pool } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { isRevert } from "../sdk/errors.ts";
import { read } from "../sdk/read.ts";
import type { Duties } from "../service/duties.ts";
import type { OperatorState, ProtocolState } from "../service/state.ts";

export interface SettlerParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly duties: Duties;
  readonly log: Logger;
  /** Resolves when the state shows what the transaction did. */
  readonly send: (what: Call, key: string) => Promise<void>;
}

/** Closes an operator's epochs, in order and in time to weigh, and has its shares paid: keepers do it too, but the money is the operator's. */
export class Settler {
  readonly #parts: SettlerParts;
  /** The last epoch known to be settled. */
  #settledThrough = 0;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Starts what is due in `round`. */
  settle(me: OperatorState, round: number): void {
    const { deployment, duties, log, send, state } = this.#parts;
    const ended = indexOf(round) >= SETTLE_ROUND ? epochOf(round) - 1 : epochOf(round) - 2;
    if (this.#settledThrough < ended) {
      duties.start("settle:epochs", async () => {
        for (let epoch = this.#settledThrough + 1; epoch <= ended; epoch++) {
          await this.#settleEpoch(me, epoch);
          this.#settledThrough = epoch;
        }
      });
    }
    for (const epoch of me.weighed) {
      if (me.paid.has(epoch) || !state.frozen.has(epoch)) continue;
      duties.start(`claim:${epoch}`, async () => {
        await send(claim.call({ deployment, operatorId: me.id, epoch }), `claim:${me.id}:${epoch}`);
        log.info({ epoch }, "an epoch's share is paid");
      });
    }
  }

  async #settleEpoch(me: OperatorState, epoch: number): Promise<void> {
    const { client, deployment, log, send } = this.#parts;
    if (await read(client, deployment, Pool, "settledThrough", [me.id, epoch])) return;
    const trySettle = () => send(settle.call({ deployment, operatorId: me.id, epoch }), `settle:${me.id}:${epoch}`);
    try {
      await trySettle();
    } catch (error) {
      if (isRevert(error, "Settlement_NothingToSettle")) return; // somebody else has settled it
      if (!isRevert(error, "Settlement_NotTallied")) throw error;
      const page = Math.floor((me.id - 1) / PAGE);
      await send(tally.call({ deployment, epoch, page }), `tally:${epoch}:${page}`);
      await trySettle();
    }
    log.info({ epoch }, "an epoch is settled");
  }
}
