import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { HoldfastError } from "../errors.ts";

/** Whoever holds this port at 127.N.1.1 has the addresses 127.N.x.y. */
const LOCK_PORT = 6881;

/** The addresses 127.N.x.y of one run: runs beside each other have different N. */
export class Loopback {
  readonly #prefix: string;
  readonly #lock: Server;

  private constructor(prefix: string, lock: Server) {
    this.#prefix = prefix;
    this.#lock = lock;
  }

  /** @throws HoldfastError when all are taken, or this machine has no loopback addresses but 127.0.0.1 */
  static async take(): Promise<Loopback> {
    let reason: unknown;
    for (let n = 0; n < 255; n++) {
      const lock = createServer((socket) => socket.destroy());
      try {
        await once(lock.listen(LOCK_PORT, `127.${n}.1.1`), "listening");
        lock.unref();
        return new Loopback(`127.${n}`, lock);
      } catch (error) {
        reason = error;
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") break;
      }
    }
    throw new HoldfastError("no addresses 127.N.x.y are free on this machine", {
      cause: reason,
      hint: "where loopback is 127.0.0.1 alone, as on macOS, add aliases to lo0",
    });
  }

  /** 127.N.`network`.`host` */
  host(network: number, host = 1): string {
    return `${this.#prefix}.${network}.${host}`;
  }

  async giveBack(): Promise<void> {
    this.#lock.close();
    await once(this.#lock, "close");
  }
}
