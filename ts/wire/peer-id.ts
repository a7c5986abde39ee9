import { randomBytes } from "node:crypto";

/** 20 bytes, after Azureus' convention. */
export function newPeerId(): Uint8Array {
  return Buffer.concat([Buffer.from("-HF0100-"), randomBytes(12)]);
}
