#!/usr/bin/env node
// The `holdfast` command: TypeScript as it is, compiled as it is loaded.
import { register } from "tsx/esm/api";

register();
await import("./main.ts");
