import { InvalidArgumentError } from "commander";
import { type Address, isAddress } from "viem";

/** A reader of whole numbers within bounds. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Not a whole number from ${least} to ${most}.`);
  };
}

/** An amount of the asset, in its smallest unit. */
export function amount(text: string): bigint {
  if (/^[1-9]\d{0,30}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("Not a number of asset wei above 0.");
}

export function addressOption(text: string): Address {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError("Not an address.");
}

/** Collects an option that may be given several times. */
export function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

/** WAD as a percentage, e.g. "92.3%". */
export function percent(wad: bigint): string {
  return `${Number((wad * 1000n) / 10n ** 18n) / 10}%`;
}
