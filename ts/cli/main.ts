import { Command } from "commander";
import { probeCommand } from "./probe.ts";

await new Command("holdfast")
  .description("paid, provable seeding for BitTorrent v2 swarms")
  .addCommand(probeCommand())
  .parseAsync();
