export { type DevnetOptions, type Report, runDevnet } from "./run.ts";
