import { isIPv6 } from "node:net";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { TrackerError } from "./errors.ts";

/** Bytes of an address, by family; two of port follow. */
const ADDRESS = { 4: 4, 6: 16 } as const;

/** Reads peers in compact form (BEP 7, 23), the first `most` of them. @throws TrackerError when a piece of a peer is left over */
export function readCompact(bytes: Uint8Array, family: 4 | 6, most: number): PeerAddress[] {
  const size = ADDRESS[family] + 2;
  if (bytes.length % size !== 0)
    throw new TrackerError("malformed", `${bytes.length} bytes of compact peers, which have ${size} each`);
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const peers: PeerAddress[] = [];
  for (let at = 0; at < data.length && peers.length < most; at += size) {
    const port = data.readUInt16BE(at + size - 2);
    if (port !== 0) peers.push({ host: hostOf(data.subarray(at, at + size - 2)), port });
  }
  return peers;
}

function hostOf(address: Buffer): string {
  if (address.length === ADDRESS[4]) return address.join(".");
  return plainV6(address.toString("hex").replace(/.{4}(?!$)/g, "$&:"));
}

/** An IPv6 address in its shortest form, so that one has one name. */
export function plainV6(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
