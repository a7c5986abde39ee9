import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encryptKeystoreJson } from "ethers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localAccount, localKey } from "../testing/anvil.ts";
import { type KeySource, loadAccount } from "./keys.ts";
import { decryptKeystore } from "./keystore.ts";

const { address } = localAccount(1);
const key = localKey(1);
let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
  const light = { scrypt: { N: 1024, r: 8, p: 1 } };
  await writeFile(path("key"), `${key}\n`);
  await writeFile(path("keystore"), await encryptKeystoreJson({ address, privateKey: key }, "pass word ", light));
  await writeFile(path("password"), "pass word \n");
});

afterAll(() => rm(folder, { recursive: true }));

test("a key is read from the environment's value, a file, or a keystore with its password in a file", async () => {
  const password = { passwordFile: path("password") };
  const sources: KeySource[] = [
    { privateKey: key.slice(2) },
    { file: path("key") },
    { keystore: path("keystore"), ...password },
  ];
  for (const source of sources) expect((await loadAccount(source)).address).toBe(address);
});

test("an account shows no key", async () => {
  const account = await loadAccount({ privateKey: key });
  expect(JSON.stringify(account) + Object.values(account).join()).not.toContain(key.slice(2));
});

test.each<[string, () => KeySource, string]>([
  ["none", () => ({}), "give the key in one place"],
  ["two", () => ({ privateKey: key, file: path("key") }), "give the key in one place"],
  ["no hex", () => ({ privateKey: "hello" }), "no private key in privateKey: it must be 32 bytes in hex"],
  [
    "out of range",
    () => ({ privateKey: "f".repeat(64) }),
    "no private key in privateKey: it is out of the curve's range",
  ],
  ["a missing file", () => ({ file: path("none") }), "ENOENT"],
  ["a keystore without a password", () => ({ keystore: path("keystore") }), "needs its password in one place"],
  ["a wrong password", () => ({ keystore: path("keystore"), password: "no" }), "wrong password for the keystore"],
  ["no keystore", () => ({ keystore: path("key"), password: "no" }), "no keystore of version 3"],
])("%s is an error that names the place and never the key", async (_, source, message) => {
  const error = await loadAccount(source()).catch((reason) => reason);
  expect(error.message).toContain(message);
  expect(error.stack).not.toContain(key.slice(2));
});

test("a keystore by pbkdf2 opens (the vector of the Web3 Secret Storage definition)", async () => {
  const keystore = {
    version: 3,
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: "6087dab2f9fdbbfaddc31a909735c1e6" },
      ciphertext: "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
      kdf: "pbkdf2",
      kdfparams: {
        c: 262144,
        dklen: 32,
        prf: "hmac-sha256",
        salt: "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
      },
      mac: "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
  };
  expect(await decryptKeystore(JSON.stringify(keystore), "testpassword")).toBe(
    "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d",
  );
});

test("a keystore that asks for all memory is refused before any work", async () => {
  const greedy = {
    version: 3,
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: "00".repeat(16) },
      ciphertext: "00".repeat(32),
      mac: "00".repeat(32),
      kdf: "scrypt",
      kdfparams: { dklen: 32, n: 2 ** 30, r: 8, p: 1, salt: "00" },
    },
  };
  await expect(decryptKeystore(JSON.stringify(greedy), "")).rejects.toThrow("no keystore of version 3");
});
