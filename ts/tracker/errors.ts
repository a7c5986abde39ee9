/** Why a tracker gave nothing. Stable words, for programs. */
export type TrackerFault =
  | "unreachable" // no connection, no HTTP answer that is of use, or its address is one we may not call
  | "timeout" // no answer in the time allowed
  | "malformed" // an answer that the specification does not allow
  | "refused"; // the tracker said no, and why

/** A tracker's failure. Names no URL: these may hold a member's key. */
export class TrackerError extends Error {
  override readonly name = "TrackerError";
  readonly fault: TrackerFault;

  constructor(fault: TrackerFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
