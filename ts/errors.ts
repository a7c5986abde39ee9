import { toJson } from "./json.ts";

/** What the process says by ending; 64 and above as in sysexits.h. */
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
  /** Ctrl-C ended it: what shells report of that. */
  interrupted: 130,
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
  return holdfastErrorIn(error)?.exitCode ?? EXIT.failure;
}

/** The error in one sentence. viem's long messages carry the RPC's address, with the key in it: only their short form is used. */
export function messageOf(error: unknown): string {
  const known = holdfastErrorIn(error);
  if (known) return known.message;
  if (!(error instanceof Error)) return String(error);
  const { shortMessage, details } = error as { shortMessage?: string; details?: string };
  return shortMessage === undefined ? error.message || error.name : [shortMessage, details].filter(Boolean).join(" ");
}

/** The error of ours that a library may have wrapped in its own. */
export function holdfastErrorIn(error: unknown): HoldfastError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof HoldfastError) return e;
  return undefined;
}

/** The error as people read it: message, facts, hint, and with `debug` where it came from. */
export function formatError(error: unknown, { debug = false } = {}): string {
  const lines = [`error: ${messageOf(error)}`];
  const { facts = {}, hint } = holdfastErrorIn(error) ?? {};
  for (const [name, value] of Object.entries(facts)) lines.push(`  ${name}: ${show(value)}`);
  if (hint) lines.push(`hint: ${hint}`);
  if (debug) for (let e = error; e instanceof Error; e = e.cause) lines.push("", e.stack ?? String(e));
  return lines.join("\n");
}

/** The error as programs read it. */
export function errorToJson(error: unknown): Record<string, unknown> {
  const { name = "Error", facts, hint } = holdfastErrorIn(error) ?? {};
  return { name, message: messageOf(error), ...(facts && { facts }), ...(hint && { hint }) };
}

/** A value as people read it: text as it is, what has parts as JSON. */
export function show(value: unknown): string {
  return typeof value === "object" ? toJson(value) : String(value);
}
