import { createDecipheriv, pbkdf2, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { type Hex, keccak256, toHex } from "viem";
import { z } from "zod";
import { HoldfastError } from "../errors.ts";

const hex = (bytes?: number) =>
  z
    .string()
    .regex(/^([0-9a-fA-F]{2})+$/)
    .refine((text) => !bytes || text.length === 2 * bytes, `must have ${bytes} bytes`)
    .transform((text) => Buffer.from(text, "hex"));

/** Bounds keep a strange file from taking all memory or a day. Wallets use n = 2^18, r = 8, p = 1, or c = 262144. */
const schema = z.object({
  version: z.literal(3),
  crypto: z.object({
    cipher: z.literal("aes-128-ctr"),
    cipherparams: z.object({ iv: hex(16) }),
    ciphertext: hex(32),
    mac: hex(32),
    kdfAndParams: z.discriminatedUnion("kdf", [
      z.object({
        kdf: z.literal("scrypt"),
        kdfparams: z.object({
          dklen: z.literal(32),
          n: z
            .int()
            .min(2)
            .max(2 ** 20),
          r: z.int().min(1).max(8),
          p: z.int().min(1).max(16),
          salt: hex(),
        }),
      }),
      z.object({
        kdf: z.literal("pbkdf2"),
        kdfparams: z.object({
          dklen: z.literal(32),
          c: z.int().min(1).max(10_000_000),
          prf: z.literal("hmac-sha256"),
          salt: hex(),
        }),
      }),
    ]),
  }),
});

/** The private key in a Web3 Secret Storage file, version 3: what geth, cast and most wallets write. */
export async function decryptKeystore(json: string, password: string): Promise<Hex> {
  const { kdfAndParams, cipherparams, ciphertext, mac } = parse(json).crypto;
  const derived = await deriveKey(kdfAndParams, password);
  const expected = Buffer.from(keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext]), "bytes"));
  if (!timingSafeEqual(expected, mac)) throw new HoldfastError("wrong password for the keystore");
  const decipher = createDecipheriv("aes-128-ctr", derived.subarray(0, 16), cipherparams.iv);
  return toHex(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
}

type Keystore = z.infer<typeof schema>;

function parse(json: string): Keystore {
  try {
    const { version, crypto, Crypto = crypto } = JSON.parse(json);
    return schema.parse({
      version,
      crypto: { ...Crypto, kdfAndParams: { kdf: Crypto.kdf, kdfparams: Crypto.kdfparams } },
    });
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : "it is not JSON";
    throw new HoldfastError(`no keystore of version 3: ${why}`, { cause });
  }
}

function deriveKey({ kdf, kdfparams }: Keystore["crypto"]["kdfAndParams"], password: string): Promise<Buffer> {
  if (kdf === "pbkdf2") return promisify(pbkdf2)(password, kdfparams.salt, kdfparams.c, 32, "sha256");
  const { n: N, r, p, salt } = kdfparams;
  const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
  return derive(password, salt, 32, { N, r, p, maxmem: 128 * r * (N + p + 2) });
}
