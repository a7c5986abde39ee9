import { readFile } from "node:fs/promises";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { EXIT, HoldfastError } from "../errors.ts";
import { parseDuration, parseSize, parseWei } from "./units.ts";

/** A field is given wrongly, and this says which, where and how. */
export class ConfigError extends HoldfastError {
  override readonly name = "ConfigError";

  constructor(message: string, details: { hint?: string; cause?: unknown } = {}) {
    super(message, { exitCode: EXIT.config, ...details });
  }
}

const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
  });

/** Fields with units, and ones that zod lacks. */
export const field = {
  /** "90s", "1h 30m": milliseconds. */
  duration: () => parsed(parseDuration),
  /** "512MiB", "1.5TB": bytes. */
  size: () => parsed(parseSize),
  /** "30 gwei", "0.5 ether": wei. */
  wei: () => parsed(parseWei),
  port: () => z.int().min(0).max(65_535),
  /** An RPC or relay. */
  url: () => z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
  address: () => z.custom<Address>((value) => typeof value === "string" && isAddress(value), "must be an address"),
};

export interface ConfigSources {
  /** A JSON file. */
  readonly file?: string;
  /** Values from the command line, over all others, as text or not; undefined ones were not given. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Of the environment's names. Default "HOLDFAST_". */
  readonly prefix?: string;
}

/**
 * Puts a configuration together: flags over the environment over the file over the schema's defaults. Field `fees.maxFeePerGas` is
 * HOLDFAST_FEES_MAX_FEE_PER_GAS in the environment; where the schema wants a number, a boolean or a list (with commas), text is read
 * as one. Unknown fields of a strict schema are errors.
 *
 * @throws ConfigError which names each wrong field and where it was given
 */
export async function loadConfig<T extends z.ZodObject>(schema: T, sources: ConfigSources): Promise<z.output<T>> {
  const { file, env = process.env, prefix = "HOLDFAST_" } = sources;
  const flags = typed(schema, sources.flags ?? {}) as Tree;
  const fromFile = file === undefined ? {} : await readJson(file);
  const fromEnv = typed(schema, environmentOf(schema, env, prefix)) as Tree;
  const merged = merge(merge(fromFile, fromEnv), flags);
  const result = schema.safeParse(merged);
  if (result.success) return result.data;

  const lines = result.error.issues.map(({ path, message }) => {
    const name = path.join(".");
    if (name && at(merged, path) === undefined)
      return `${name} is missing: give it as an option, in the configuration file, or as ${variableOf(name, prefix)}`;
    const source = at(flags, path) !== undefined ? "flags" : at(fromEnv, path) !== undefined ? "environment" : file;
    return `${name && `${name}: `}${message} (${source})`;
  });
  throw new ConfigError(`wrong configuration: ${lines.join("; ")}`);
}

async function readJson(file: string): Promise<Tree> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new ConfigError(`cannot read the configuration ${file}: ${cause.code}`, { cause });
  });
  try {
    const value: unknown = JSON.parse(text);
    if (isTree(value)) return value;
  } catch (cause) {
    throw new ConfigError(`the configuration ${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw new ConfigError(`the configuration ${file} must be a JSON object`);
}

type Tree = Readonly<Record<string, unknown>>;

function environmentOf(schema: z.ZodObject, env: Readonly<Record<string, string | undefined>>, prefix: string): Tree {
  const found: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(schema.shape)) {
    const variable = variableOf(name, prefix);
    const leaf = unwrap(type);
    const nested = leaf instanceof z.ZodObject ? environmentOf(leaf, env, `${variable}_`) : undefined;
    const value = nested && Object.keys(nested).length === 0 ? undefined : (nested ?? env[variable]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Text as the type that the schema wants; what cannot be read so stays text, for the schema to refuse. */
function typed(schema: unknown, value: unknown): unknown {
  const type = unwrap(schema);
  if (type instanceof z.ZodObject && isTree(value))
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, typed(type.shape[name], inner)]));
  if (typeof value !== "string") return value;
  if (type instanceof z.ZodNumber && value.trim() !== "" && !Number.isNaN(Number(value))) return Number(value);
  if (type instanceof z.ZodBoolean && (value === "true" || value === "false")) return value === "true";
  if (type instanceof z.ZodArray) return value.split(",").map((item) => typed(type.element, item.trim()));
  return value;
}

function unwrap(type: unknown): unknown {
  const wraps = type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault;
  return wraps ? unwrap(type.unwrap()) : type;
}

/** A capital begins a word if a small letter follows: `pricePerMiB` is PRICE_PER_MIB. */
function variableOf(name: string, prefix: string): string {
  return (
    prefix +
    name
      .replace(/[A-Z](?=[a-z])/g, (letter) => `_${letter}`)
      .replaceAll(".", "_")
      .toUpperCase()
  );
}

function merge(below: Tree, above: Tree): Tree {
  const merged: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const under = below[name];
    if (value !== undefined) merged[name] = isTree(value) && isTree(under) ? merge(under, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(tree: Tree, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isTree(value) ? value[String(key)] : undefined), tree);
}
