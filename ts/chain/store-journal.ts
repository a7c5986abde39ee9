import { DURABLE, type Store, table, type Write } from "../store/store.ts";
import type { Cursor, Journal } from "./log-follower.ts";

/** A follower's place in an agent's store, under its name and chain, written with what it makes of the logs. */
export function storeJournal(store: Store, name: string, chainId: number): Journal<readonly Write[]> {
  const cursors = table<Cursor>(store, `logs/${chainId}`);
  return {
    load: () => cursors.get(name),
    save: (cursor, writes) =>
      store.batch([...writes, { type: "put", sublevel: cursors, key: name, value: cursor }], DURABLE),
  };
}
