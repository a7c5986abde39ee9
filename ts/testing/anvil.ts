import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import {
  type Account,
  type Chain,
  createTestClient,
  defineChain,
  type Hex,
  type HttpTransport,
  http,
  type PublicActions,
  publicActions,
  type TestClient,
  toHex,
  type WalletActions,
  walletActions,
} from "viem";
import { type HDAccount, mnemonicToAccount } from "viem/accounts";

const HOST = "127.0.0.1";

/** The chain that anvil is unless it is told otherwise. Not viem/chains', which loads every chain there is, for a second. */
export const LOCAL_CHAIN = defineChain({
  id: 31337,
  name: "Anvil",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [`http://${HOST}:8545`] } },
});
const MNEMONIC = "test test test test test test test test test test test junk";

/** Reads, writes and turns the knobs of a local chain, as one of its accounts. */
export type LocalClient = TestClient<"anvil", HttpTransport, Chain, Account> &
  PublicActions<HttpTransport, Chain> &
  WalletActions<Chain, Account>;

const accounts = new Map<number, HDAccount>();

/** An account that anvil funds, by number. */
export function localAccount(index: number): HDAccount {
  const account = accounts.get(index) ?? mnemonicToAccount(MNEMONIC, { addressIndex: index });
  accounts.set(index, account); // deriving one takes a tenth of a second
  return account;
}

/** Its private key, for agents that are configured with one. */
export function localKey(index: number): Hex {
  return toHex(localAccount(index).getHdKey().privateKey!);
}

export interface AnvilOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Further arguments, e.g. ["--no-mining"]. */
  readonly args?: readonly string[];
}

/** A local chain in a process of its own. */
export class Anvil {
  readonly rpcUrl: string;
  readonly #process: ChildProcess;

  private constructor(rpcUrl: string, process: ChildProcess) {
    this.rpcUrl = rpcUrl;
    this.#process = process;
  }

  /** Resolves when it answers; it ends with this process. */
  static async start({ port = 0, args = [] }: AnvilOptions = {}): Promise<Anvil> {
    const fixed = ["--host", HOST, "--port", String(port), "--hardfork", "osaka", "--mnemonic", MNEMONIC];
    const child = spawn(binary(), [...fixed, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const stop = () => child.kill("SIGKILL");
    process.once("exit", stop);
    child.once("exit", () => process.off("exit", stop));
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /^Listening on (\S+:\d+)/.exec(line)?.[1];
      if (!address) continue;
      child.stdout.resume();
      return new Anvil(`http://${address}`, child);
    }
    throw new Error(`anvil did not start: ${said.trim() || `exit code ${child.exitCode}`}`);
  }

  /** A client that signs as account `index`. */
  client(index = 0): LocalClient {
    const transport = http(this.rpcUrl);
    const account = localAccount(index);
    return createTestClient({
      mode: "anvil",
      chain: LOCAL_CHAIN,
      transport,
      account,
      pollingInterval: 50,
      cacheTime: 0,
    })
      .extend(publicActions)
      .extend(walletActions);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}

/** The program itself: npm's launcher would be one more process between it and our signals. */
function binary(): string {
  const require = createRequire(import.meta.url);
  const [platform, arch] = [process.platform, process.arch === "x64" ? "amd64" : process.arch];
  const name = platform === "win32" ? "anvil.exe" : "anvil";
  const path = require.resolve(`@foundry-rs/anvil-${platform}-${arch}/bin/${name}`);
  if (!existsSync(path)) throw new Error(`anvil is not installed: ${path} is missing`);
  return path;
}
