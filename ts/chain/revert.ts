import { type Abi, BaseError, decodeErrorResult, ExecutionRevertedError, type Hex, isHex, size } from "viem";
import { type ErrorDetails, HoldfastError } from "../errors.ts";

interface Reason {
  readonly errorName: string | undefined;
  readonly args: readonly unknown[];
  /** Its values by name. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A contract refused a call, and said why: its `facts` are the values of the custom error, by name. */
export class ContractRevert extends HoldfastError {
  override readonly name = "ContractRevert";
  /** The custom error, "Error" for a reason in words, "Panic", the selector of an unknown one, undefined if nothing was said. */
  readonly errorName: string | undefined;
  /** Its values, in the order of its ABI. */
  readonly args: readonly unknown[];

  constructor(call: string, { errorName, args, facts, text }: Reason, details: ErrorDetails = {}) {
    super(`${call} reverted: ${text}`, { ...details, facts: { ...facts, ...details.facts } });
    this.errorName = errorName;
    this.args = args;
  }
}

/** Bytes of revert data read; the protocol's errors have a few words. */
const MAX_DATA = 4096;

export interface RevertDetails extends Omit<ErrorDetails, "hint"> {
  /** What to do about an error, by its name. */
  readonly hints?: Readonly<Record<string, string>>;
}

/**
 * What the contract said, when that is why a call or an estimate failed; undefined when it failed otherwise (no RPC, no funds).
 *
 * @param call For people, e.g. "Market.accept".
 * @param errors The custom errors it may be: a contract also passes on those of the contracts it calls.
 */
export function toContractRevert(
  error: unknown,
  call: string,
  errors: Abi,
  { hints = {}, ...details }: RevertDetails = {},
): ContractRevert | undefined {
  if (!(error instanceof BaseError)) return undefined;
  const data = revertData(error);
  if (!data && !error.walk((e) => e instanceof ExecutionRevertedError)) return undefined;
  const reason = reasonOf(data ?? "0x", errors);
  const hint = Object.hasOwn(hints, reason.errorName ?? "") ? hints[reason.errorName!] : undefined;
  return new ContractRevert(call, reason, { cause: error, ...details, ...(hint !== undefined && { hint }) });
}

function revertData(error: BaseError): Hex | undefined {
  let data: Hex | undefined;
  error.walk((e) => {
    const found = (e as { data?: unknown }).data;
    const hex = typeof found === "object" ? (found as { data?: unknown } | null)?.data : found;
    if (isHex(hex) && hex !== "0x") data = hex;
    return data !== undefined;
  });
  return data;
}

function reasonOf(data: Hex, errors: Abi): Reason {
  if (data === "0x") return { errorName: undefined, args: [], text: "no reason given" };
  const selector = data.slice(0, 10);
  try {
    if (size(data) > MAX_DATA) throw new RangeError("revert data too long");
    const { errorName, args = [], abiItem } = decodeErrorResult({ abi: errors, data });
    if (errorName === "Error") return { errorName, args, text: JSON.stringify(args[0]) };
    const inputs = "inputs" in abiItem ? abiItem.inputs : [];
    const facts = Object.fromEntries(args.map((value, i) => [inputs[i]?.name || `value ${i}`, value]));
    return { errorName, args, facts, text: errorName };
  } catch {
    return { errorName: selector, args: [], text: `unknown error ${selector}` };
  }
}
