import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { EXIT } from "../errors.ts";

const BIN = "ts/cli/bin.mjs";

test("a local chain takes commands of its accounts, serves its beacon, and takes its addresses away when it is stopped", async () => {
  const file = join(tmpdir(), `holdfast-chain-${process.pid}.json`);
  const args = [BIN, "chain", "--json", "--port", "0", "--beacon-port", "0", "--deployment", file];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let said = "";
    for await (const text of child.stdout.setEncoding("utf8")) {
      said += text;
      if (said.endsWith("}\n")) break;
    }
    const { rpcUrl, beaconUrl, deployment, accounts } = JSON.parse(said);
    expect(deployment).toBe(file);
    expect((await fetch(`${beaconUrl}/public/latest`)).status).toBe(200);

    const [, , , , , , , keeper] = accounts;
    const where = ["--json", "--rpc-url", rpcUrl, "--deployment", file, "--key-file", keeper.keyFile];
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, "keeper", "join", ...where]);
    expect(JSON.parse(stdout)).toMatchObject({ keeper: keeper.address });

    child.kill("SIGINT");
    expect((await once(child, "exit"))[0]).toBe(EXIT.ok);
    expect(existsSync(file)).toBe(false);
  } finally {
    child.kill("SIGKILL");
  }
}, 120_000);
