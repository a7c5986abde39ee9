import type { Socket } from "node:net";
import { PeerError } from "./errors.ts";

const PROTOCOL = Buffer.from("\x13BitTorrent protocol", "latin1");
const LENGTH = 68;

/** The 68 bytes that open a connection (BEP 3), with the reserved bits we know. */
export interface Handshake {
  /** 20 bytes: a v1 infohash, or a v2 one cut short. */
  readonly infohash: Uint8Array;
  readonly peerId: Uint8Array;
  /** BEP 52: speaks v2; in the handshake of a hybrid's v1 infohash, an offer to upgrade. */
  readonly v2: boolean;
  /** BEP 10. */
  readonly extended: boolean;
  /** BEP 6. */
  readonly fast: boolean;
}

export function encodeHandshake(handshake: Handshake): Buffer {
  const reserved = Buffer.alloc(8);
  if (handshake.extended) reserved[5]! |= 0x10;
  if (handshake.fast) reserved[7]! |= 0x04;
  if (handshake.v2) reserved[7]! |= 0x10;
  return Buffer.concat([PROTOCOL, reserved, handshake.infohash, handshake.peerId]);
}

/** @throws a `not-bittorrent` PeerError as soon as the bytes cannot become a handshake. */
export function decodeHandshake(bytes: Buffer): Handshake | undefined {
  const seen = Math.min(bytes.length, PROTOCOL.length);
  if (PROTOCOL.compare(bytes, 0, seen, 0, seen) !== 0) {
    throw new PeerError("not-bittorrent", "the peer does not begin with a plain BitTorrent handshake");
  }
  if (bytes.length < LENGTH) return undefined;
  return {
    infohash: Buffer.from(bytes.subarray(28, 48)),
    peerId: Buffer.from(bytes.subarray(48, 68)),
    v2: (bytes[27]! & 0x10) !== 0,
    extended: (bytes[25]! & 0x10) !== 0,
    fast: (bytes[27]! & 0x04) !== 0,
  };
}

/**
 * Waits for the peer's handshake. What follows it stays in the socket, which is left paused. A stranger's bytes are
 * refused at once, not at the timeout: clients which try an encrypted handshake first then come back with a plain one.
 *
 * @param timeoutMs for the whole handshake, so that a byte a second does not hold a place
 */
export function readHandshake(socket: Socket, timeoutMs: number): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const timer = setTimeout(() => end(new PeerError("timeout", `no handshake within ${timeoutMs} ms`)), timeoutMs);
    const end = (result: Handshake | PeerError) => {
      clearTimeout(timer);
      socket.off("data", onData).off("close", onClose).off("error", onError).pause();
      if (result instanceof PeerError) reject(result);
      else resolve(result);
    };
    const onClose = () => end(new PeerError("closed", "the peer hung up during the handshake"));
    const onError = (error: Error) =>
      end(new PeerError("closed", `connection lost in the handshake: ${error.message}`));
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const handshake = decodeHandshake(bytes);
        if (handshake === undefined) return;
        end(handshake);
        if (bytes.length > LENGTH) socket.unshift(bytes.subarray(LENGTH));
      } catch (error) {
        end(error as PeerError);
      }
    };
    socket.on("data", onData).on("close", onClose).on("error", onError).resume();
  });
}
