import type { ChainClient } from "../chain/connection.ts";
import { closeAudit } from "../sdk/actions/closeAudit.ts";
import { eject } from "../sdk/actions/eject.ts";
import { releaseReservation } from "../sdk/actions/releaseReservation.ts";
import { rollAudit } from "../sdk/actions/rollAudit.ts";
import { unwind } from "../sdk/actions/unwind.ts";
import { ACTIVATION_ROUNDS, BAD_ROUNDS } from "../sdk/constants.ts";
import { Holdings, Market } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import { type ProtocolState, slotKey } from "../service/state.ts";
import { Epochs } from "./epochs.ts";
import type { Errands } from "./errands.ts";

export interface ChoreParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly errands: Errands;
}

/**
 * What the protocol leaves to anybody: the ends of epochs, lapsed reservations, audits that must move or close, operators to be ejected and
 * unwound. Each is asked of the chain first and is nothing when somebody else was faster.
 */
export class Chores {
  readonly #parts: ChoreParts;
  readonly #epochs: Epochs;

  constructor(parts: ChoreParts) {
    this.#parts = parts;
    this.#epochs = new Epochs(parts);
  }

  onRound(round: number): void {
    this.#reservations(round);
    this.#audits(round);
    this.#ejections(round);
    this.#epochs.onRound(round);
  }

  #reservations(round: number): void {
    const { client, deployment, errands, state } = this.#parts;
    for (const order of state.orders.values()) {
      for (const [replica, slot] of order.slots.entries()) {
        if (slot === undefined || slot.liveFrom !== undefined || round <= slot.acceptedIn + ACTIVATION_ROUNDS) continue;
        const key = `release:${slotKey(order.id, replica)}:${slot.acceptedIn}`;
        errands.start(key, round, async () => {
          if (!(await read(client, deployment, Market, "isLapsed", [order.id, replica]))) return;
          await errands.attempt("release", releaseReservation.call({ deployment, orderId: order.id, replica }), key);
        });
      }
    }
  }

  #audits(round: number): void {
    const { client, deployment, errands, state } = this.#parts;
    for (const { orderId, replica, operatorId, due } of state.audits.values()) {
      if (due >= round) continue;
      const key = `${slotKey(orderId, replica)}:${due}`;
      errands.start(`audit:${key}`, round, async () => {
        const clean = await read(client, deployment, Holdings, "isClean", [operatorId, due]);
        const [name, action] = clean ? (["close", closeAudit] as const) : (["roll", rollAudit] as const);
        await errands.attempt(name, action.call({ deployment, orderId, replica }), `${name}:${key}`);
      });
    }
  }

  #ejections(round: number): void {
    const { client, deployment, errands, state } = this.#parts;
    for (const operator of state.operators.values()) {
      const { id, proven, stamp } = operator;
      for (const { order, replica, acceptedIn } of state.stampedSlots(operator)) {
        const key = `unwind:${slotKey(order.id, replica)}:${acceptedIn}`;
        errands.start(key, round, async () => {
          await errands.attempt("unwind", unwind.call({ deployment, orderId: order.id, replica }), key);
        });
      }
      if (stamp !== undefined) continue;
      const held = state.slotsOf(id, round).filter(({ liveFrom }) => liveFrom !== undefined);
      const recent = Array.from({ length: BAD_ROUNDS }, (_, i) => round - 1 - i);
      if (held.length === 0 || recent.some((past) => proven.has(past))) continue;
      errands.start(`eject:${id}`, round, async () => {
        if ((await read(client, deployment, Holdings, "badInARow", [id])) < BigInt(BAD_ROUNDS)) return;
        await errands.attempt("eject", eject.call({ deployment, operatorId: id }), `eject:${id}:${round}`);
      });
    }
  }
}
