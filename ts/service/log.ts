import { styleText } from "node:util";
import { destination, type Logger, pino } from "pino";
import { errorToJson } from "../errors.ts";
import { toJson } from "../json.ts";

export type { Logger } from "pino";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;

export interface LogOptions {
  /** The program's part that speaks, e.g. "operator". */
  readonly name: string;
  readonly level?: (typeof LOG_LEVELS)[number];
  /** Lines for people instead of JSON. Default: when standard error is a terminal. */
  readonly pretty?: boolean;
  /** Where lines go. Default: standard error, for standard output is a command's result. */
  readonly write?: (line: string) => void;
}

/** Names under which nothing is ever logged, at the top or one level below. */
const SECRETS = ["privateKey", "password", "passphrase", "mnemonic", "secret", "raw", "rpcUrl", "authorization"];

/** A logger of JSON lines; errors are given as `err`, bigints come out as decimal strings. */
export function createLogger({ name, level = "info", pretty = !!process.stderr.isTTY, write }: LogOptions): Logger {
  const stderr = destination({ dest: 2, sync: true });
  const out = write ?? ((line: string) => stderr.write(line));
  return pino(
    {
      name,
      level,
      base: {},
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: plain },
      redact: { paths: SECRETS.flatMap((secret) => [secret, `*.${secret}`]), censor: "[secret]" },
      serializers: { err: serializeError },
    },
    { write: pretty ? (line) => out(prettify(line)) : out },
  );
}

function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]),
  );
}

/** Messages without the RPC's address, and where each came from. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const at = error.stack
    ?.split("\n")
    .filter((line) => line.startsWith("    at "))
    .slice(0, 8)
    .map((line) => line.trim());
  return JSON.parse(toJson({ ...errorToJson(error), at }));
}

const STYLES = { error: "red", warn: "yellow", info: "green", debug: "blue", trace: "gray" } as const;

function prettify(line: string): string {
  const { time, level, name, msg, err, ...fields } = JSON.parse(line);
  const label = styleText(STYLES[level as keyof typeof STYLES] ?? "red", level.toUpperCase().padEnd(5));
  const facts = Object.entries({ ...fields, ...(err && { error: err.message }) });
  const list = facts.map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const clock = new Date(time).toTimeString().slice(0, 8);
  return `${[clock, label, name, msg, styleText("dim", list.join(" "))].filter(Boolean).join(" ").trimEnd()}\n`;
}
