import type { WriteStream } from "node:tty";
import { toJson } from "../json.ts";

/** Where a run tells its story: a terminal with a progress line, plain lines, or a JSON object a line. */
export interface View {
  /** Something happened. */
  say(what: string, facts?: Readonly<Record<string, unknown>>): void;
  /** How far the run is. */
  progress(done: number, total: number, what: string): void;
  /** The end: the table for people, the report for machines. */
  finish(table: string, report: unknown): void;
}

export function makeView(json: boolean, out: NodeJS.WriteStream = process.stdout): View {
  if (json) return jsonView(out);
  return out.isTTY ? terminalView(out) : plainView(out);
}

function jsonView(out: NodeJS.WritableStream): View {
  const line = (value: unknown) => out.write(`${toJson(value)}\n`);
  return {
    say: (event, facts) => line({ event, ...facts }),
    progress: () => {},
    finish: (_, report) => line(report),
  };
}

function plainView(out: NodeJS.WritableStream): View {
  return {
    say: (what) => out.write(`${what}\n`),
    progress: () => {},
    finish: (table) => out.write(`\n${table}\n`),
  };
}

const BAR = 30;

/** Lines scroll, and below them one line shows where the run is. */
function terminalView(out: WriteStream): View {
  let status = "";
  const clear = () => out.write("\r\x1b[K");
  const draw = () => out.write(status.slice(0, Math.max(0, out.columns - 1)));
  return {
    say(what) {
      clear();
      out.write(`${what}\n`);
      draw();
    },
    progress(done, total, what) {
      const filled = Math.round((BAR * done) / total);
      status = `[${"#".repeat(filled)}${"-".repeat(BAR - filled)}] ${what}`;
      clear();
      draw();
    },
    finish(table) {
      clear();
      status = "";
      out.write(`\n${table}\n`);
    },
  };
}
