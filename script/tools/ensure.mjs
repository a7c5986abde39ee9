// Brings a clone up to date before anything else runs: installs what package-lock.json says, compiles the contracts.
// It runs on a bare clone, so it imports nothing that is installed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export function ensureInstalled() {
  if (isInstalled()) return;
  console.log("Installing dependencies (npm ci): this takes a minute the first time…");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

export function ensureBuilt() {
  ensureInstalled();
  console.log("Compiling the contracts where they changed: the first time takes a minute…");
  run(process.execPath, ["script/tools/forge.cjs", "build", "src", "script", "--quiet"]);
}

/** Whether npm's own record of what it put there has everything that the lock file asks for, by version and content. */
function isInstalled() {
  const wanted = packagesOf("package-lock.json");
  const present = packagesOf("node_modules/.package-lock.json");
  if (!wanted) throw new Error("package-lock.json is missing: is this the root of the repository?");
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = present?.[path];
    if (path === "" || (optional && !found)) return true;
    return found?.version === version && found.integrity === integrity;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", shell: process.platform === "win32" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) ensureBuilt();
