import { readFile } from "node:fs/promises";
import { type Hex, isHex } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { z } from "zod";
import { EXIT, HoldfastError } from "../errors.ts";
import { decryptKeystore } from "./keystore.ts";

/** Where a signing key is: in one of these, and for a keystore its password in one of two. */
export const keySchema = z.strictObject({
  /** The key itself, in hex; give it by the environment, not in a file that is copied around. */
  privateKey: z.string().optional(),
  /** A file that holds the key in hex, and nothing else. */
  file: z.string().optional(),
  /** An encrypted keystore, version 3. */
  keystore: z.string().optional(),
  password: z.string().optional(),
  passwordFile: z.string().optional(),
});

export type KeySource = z.infer<typeof keySchema>;

/** Reads the key, once; what comes back signs, and shows only its address. No error says any of the key. */
export async function loadAccount(source: KeySource): Promise<PrivateKeyAccount> {
  const given = [source.privateKey, source.file, source.keystore].filter((place) => place !== undefined);
  if (given.length !== 1)
    throw wrong(
      "give the key in one place: privateKey, file or keystore",
      "with --key-file or --keystore, or the key itself as HOLDFAST_KEY_PRIVATE_KEY",
    );
  if (source.keystore !== undefined) return toAccount(await fromKeystore(source.keystore, source), source.keystore);
  if (source.file !== undefined) return toAccount((await read(source.file)).trim(), source.file);
  return toAccount(source.privateKey!.trim(), "privateKey");
}

async function fromKeystore(path: string, { password, passwordFile }: KeySource): Promise<Hex> {
  if ((password === undefined) === (passwordFile === undefined))
    throw wrong(`the keystore ${path} needs its password in one place: password or passwordFile`);
  const [json, secret] = [await read(path), password ?? (await read(passwordFile!)).replace(/\r?\n$/, "")];
  return decryptKeystore(json, secret).catch((cause) => {
    throw wrong(`cannot open the keystore ${path}: ${cause.message}`);
  });
}

function toAccount(key: string, place: string): PrivateKeyAccount {
  const hex = key.startsWith("0x") ? key : `0x${key}`;
  if (!isHex(hex) || hex.length !== 66) throw wrong(`no private key in ${place}: it must be 32 bytes in hex`);
  try {
    return privateKeyToAccount(hex);
  } catch {
    throw wrong(`no private key in ${place}: it is out of the curve's range`);
  }
}

async function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause) => {
    throw wrong(`cannot read ${path}: ${cause.code ?? cause.message}`);
  });
}

function wrong(message: string, hint?: string): HoldfastError {
  return new HoldfastError(message, { exitCode: EXIT.config, ...(hint !== undefined && { hint }) });
}
