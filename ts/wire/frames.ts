import { PeerError } from "./errors.ts";
import { MAX_FRAME } from "./messages.ts";

const FIRST_ROOM = 32 * 1024;

/** Cuts a TCP stream into frames. Holds one unfinished frame at most, in memory that grows only as its bytes arrive. */
export class FrameReader {
  #room = Buffer.alloc(0);
  #held = 0;

  /** The frame that has begun and not ended: its message id, and how many bytes of it (prefix included) are here. */
  get unfinished(): { id: number; received: number } | undefined {
    return this.#held > 4 ? { id: this.#room[4]!, received: this.#held } : undefined;
  }

  /** The frames that `chunk` completes, without length prefixes; a keep-alive is an empty one. They are views. */
  *push(chunk: Buffer): Generator<Buffer, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#held === 0 && chunk.length - at >= 4) {
        const end = at + 4 + frameLength(chunk, at);
        if (end <= chunk.length) {
          const frame = chunk.subarray(at + 4, end);
          at = end;
          yield frame;
          continue;
        }
      }
      // The prefix first: until it is whole nobody knows how much there is to wait for.
      const wanted = this.#held < 4 ? 4 : 4 + frameLength(this.#room, 0);
      const taken = Math.min(wanted - this.#held, chunk.length - at);
      this.#hold(chunk.subarray(at, at + taken), wanted);
      at += taken;
      if (this.#held >= 4 && this.#held === 4 + frameLength(this.#room, 0)) {
        const frame = this.#room.subarray(4, this.#held);
        this.#room = Buffer.alloc(0);
        this.#held = 0;
        yield frame;
      }
    }
  }

  #hold(part: Buffer, wanted: number): void {
    const held = this.#held + part.length;
    if (held > this.#room.length) {
      const room = Buffer.allocUnsafe(Math.max(held, Math.min(Math.max(wanted, 5), FIRST_ROOM), 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.#held);
      this.#room = room;
    }
    part.copy(this.#room, this.#held);
    this.#held = held;
  }
}

function frameLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  if (length > MAX_FRAME) throw new PeerError("oversize", `a frame of ${length} bytes, the limit is ${MAX_FRAME}`);
  return length;
}
