/** Why a peer was dropped or could not be used. Stable words: logs, metrics and probe samples carry them. */
export type PeerFault =
  | "unreachable" // no TCP connection
  | "timeout" // nothing, or not what was due, in the time allowed
  | "not-bittorrent" // the first bytes are no BitTorrent handshake (an encrypted one looks like this too)
  | "wrong-torrent" // the handshake names another torrent
  | "self" // we reached ourselves
  | "malformed" // a message that the specification does not allow
  | "oversize" // a frame longer than MAX_FRAME
  | "flood" // more useless messages, or more queued requests, than anyone needs
  | "refused" // the peer said no: choked, rejected
  | "bad-data" // a block, a hash or metadata that does not match its commitment
  | "closed" // the peer hung up
  | "limit" // our own limit on connections
  | "stopped"; // we hung up

/** A peer's failure: what it did, in words for a person and in a `fault` for programs. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly fault: PeerFault;

  constructor(fault: PeerFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Why a fetch ended without the content. */
export type FetchFault =
  | "no-peers" // none is left to ask: every one failed or was banned
  | "idle" // nothing came in for too long
  | "disk"; // the folder could not be written

/** A fetch's failure. What was verified stays in its folder: fetching again goes on from there. */
export class FetchError extends Error {
  override readonly name = "FetchError";
  readonly fault: FetchFault;

  constructor(fault: FetchFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
