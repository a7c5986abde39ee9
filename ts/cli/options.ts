// What people type on the command line, read and checked.

import { InvalidArgumentError } from "commander";
import { type Address, isAddress } from "viem";
import { parseWei } from "../service/units.ts";
import { type PeerAddress, parseEndpoint } from "../torrent/endpoint.ts";
import { trackerUrls } from "../torrent/trackers.ts";

/** Options of every subcommand, before or after its name; an action reads them by `command.optsWithGlobals()`. */
export interface GlobalOptions {
  /** Print results, and errors, as JSON. */
  readonly json?: boolean;
  /** Print where errors come from. */
  readonly debug?: boolean;
}

/** A reader of whole numbers within bounds. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Not a whole number from ${least} to ${most}.`);
  };
}

/** An amount of the asset: a number of its smallest unit, or one with a unit, like "0.5 gwei". */
export function amount(text: string): bigint {
  try {
    const wei = /^\d{1,30}$/.test(text) ? BigInt(text) : parseWei(text);
    if (wei > 0n) return wei;
  } catch {
    // falls through: it is no amount either
  }
  throw new InvalidArgumentError('Not an amount of the asset above 0: a number of wei, or one like "0.5 gwei".');
}

export function addressOption(text: string): Address {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError("Not an address.");
}

/** Where somebody is found: "host:port". */
export function endpointOption(text: string): string {
  if (parseEndpoint(text) !== undefined) return text;
  throw new InvalidArgumentError("Not host:port.");
}

/** Collects an option that may be given several times. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Collects peers, "host:port" each. */
export function collectPeers(text: string, before: readonly PeerAddress[]): PeerAddress[] {
  return [...before, parseEndpoint(endpointOption(text))!];
}

/** Collects trackers' URLs. */
export function collectTrackers(text: string, before: readonly string[]): string[] {
  if (trackerUrls([text]).length === 1) return collect(text, before);
  throw new InvalidArgumentError("Not a tracker's URL: http://…, https://… or udp://….");
}

/** Collects places of a .torrent. */
export function collectSources(text: string, before: readonly string[]): string[] {
  if (/^(https?|file):\/\//.test(text) && URL.canParse(text)) return collect(text, before);
  throw new InvalidArgumentError("Not an address: https://…, http://… or file:///….");
}
