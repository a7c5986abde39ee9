import { BaseError } from "viem";

/** What the process says by ending; the numbers are sysexits.h's. */
export const EXIT = {
  ok: 0,
  /** It failed, and would again. */
  failure: 1,
  /** The command line is wrong. */
  usage: 64,
  /** Something it needs is away for now: start it again. */
  retryable: 75,
  /** The configuration is wrong. */
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorDetails {
  /** What it was about, by name: shown to people and logged. Never a secret. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** What to do about it. */
  readonly hint?: string;
  readonly exitCode?: ExitCode;
  readonly cause?: unknown;
}

/** An error meant for whoever runs Holdfast: `message` is one short sentence that names the cause. */
export class HoldfastError extends Error {
  override readonly name: string = "HoldfastError";
  readonly facts: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.facts = details.facts ?? {};
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? EXIT.failure;
  }
}

/** How a process that ends with this error should exit. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof HoldfastError ? error.exitCode : EXIT.failure;
}

/** The error in one sentence. viem's own messages carry the RPC's address, with the key in it: only their short form is used. */
export function messageOf(error: unknown): string {
  if (error instanceof BaseError) return [error.shortMessage, error.details].filter(Boolean).join(" ");
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The error as people read it: message, facts, hint, and with `debug` where it came from. */
export function formatError(error: unknown, { debug = false } = {}): string {
  const lines = [`error: ${messageOf(error)}`];
  if (error instanceof HoldfastError) {
    for (const [name, value] of Object.entries(error.facts)) lines.push(`  ${name}: ${factToString(value)}`);
    if (error.hint) lines.push(`hint: ${error.hint}`);
  }
  if (debug) for (let e = error; e instanceof Error; e = e.cause) lines.push("", e.stack ?? String(e));
  return lines.join("\n");
}

/** The error as programs read it. */
export function errorToJson(error: unknown): Record<string, unknown> {
  const { name, facts, hint } = (error ?? {}) as Partial<HoldfastError>;
  return { name: name ?? "Error", message: messageOf(error), ...(facts && { facts }), ...(hint && { hint }) };
}

function factToString(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v)) ?? String(value);
}
