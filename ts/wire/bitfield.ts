/** One bit a piece, the first in the highest bit of the first byte (BEP 3). */
export class Bitfield {
  readonly length: number;
  readonly bytes: Uint8Array;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  static full(length: number): Bitfield {
    const bits = new Bitfield(length);
    bits.fill();
    return bits;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  get(i: number): boolean {
    return (this.bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0;
  }

  set(i: number): void {
    if (this.get(i)) return;
    this.bytes[i >> 3]! |= 0x80 >> (i & 7);
    this.#count++;
  }

  clear(i: number): void {
    if (!this.get(i)) return;
    this.bytes[i >> 3]! &= ~(0x80 >> (i & 7));
    this.#count--;
  }

  fill(): void {
    for (let i = 0; i < this.length; i++) this.set(i);
  }

  /** Takes over a peer's bits; false, and nothing changed, when they have another length or bits beyond the end. */
  assign(bits: Uint8Array): boolean {
    const spare = this.bytes.length * 8 - this.length;
    if (bits.length !== this.bytes.length) return false;
    if (spare > 0 && (bits.at(-1)! & ((1 << spare) - 1)) !== 0) return false;
    this.bytes.set(bits);
    this.#count = 0;
    for (let i = 0; i < this.length; i++) if (this.get(i)) this.#count++;
    return true;
  }
}
