import { type Abi, BaseError, decodeErrorResult, ExecutionRevertedError, type Hex, isHex, size } from "viem";
import { type ErrorDetails, HoldfastError, show } from "../errors.ts";

interface Reason {
  readonly errorName: string | undefined;
  readonly args: readonly unknown[];
  readonly text: string;
}

/** A contract refused a call, and said why. */
export class ContractRevert extends HoldfastError {
  override readonly name = "ContractRevert";
  /** The custom error, "Error" for a reason in words, "Panic", the selector of an unknown one, undefined if nothing was said. */
  readonly errorName: string | undefined;
  /** Its values, in the order of its ABI. */
  readonly args: readonly unknown[];

  constructor(call: string, reason: Reason, details: ErrorDetails = {}) {
    super(`${call} reverted: ${reason.text}`, details);
    this.errorName = reason.errorName;
    this.args = reason.args;
  }
}

/** Bytes of revert data read; the protocol's errors have a few words. */
const MAX_DATA = 4096;

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
  details?: ErrorDetails,
): ContractRevert | undefined {
  if (!(error instanceof BaseError)) return undefined;
  const data = revertData(error);
  if (!data && !error.walk((e) => e instanceof ExecutionRevertedError)) return undefined;
  return new ContractRevert(call, reasonOf(data ?? "0x", errors), { cause: error, ...details });
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
    const list = args.map((value, i) => (inputs[i]?.name ? `${inputs[i].name}: ${show(value)}` : show(value)));
    return { errorName, args, text: `${errorName}(${list.join(", ")})` };
  } catch {
    return { errorName: selector, args: [], text: `unknown error ${selector}` };
  }
}
