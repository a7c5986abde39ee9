import { describe, expect, test } from "vitest";
import { BLOCK } from "../torrent/trees.ts";
import { Bitfield } from "./bitfield.ts";
import type { BlockSpan } from "./messages.ts";
import { Picker } from "./picker.ts";

const PIECE = 4 * BLOCK;

function pickerOf(pieces: number, memory = 64 << 20): Picker {
  return new Picker(new Bitfield(pieces), () => PIECE, memory);
}

function bits(length: number, ...set: number[]): Bitfield {
  const field = new Bitfield(length);
  for (const i of set) field.set(i);
  return field;
}

function take(picker: Picker, source: object, count: number): BlockSpan[] {
  return Array.from({ length: count }, () => picker.next(source)).filter((span) => span !== undefined);
}

const places = (spans: BlockSpan[]) => spans.map(({ piece, begin }) => `${piece}:${begin / BLOCK}`);
const block = (fill: number) => Buffer.alloc(BLOCK, fill & 255);

describe("picker", () => {
  test("begins with the rarest piece that the source has", () => {
    const picker = pickerOf(3);
    const [a, b, c] = [{}, {}, {}];
    picker.join(a, Bitfield.full(3));
    picker.join(b, bits(3, 0, 2));
    picker.join(c, bits(3, 2));
    expect(take(picker, a, 12).map(({ piece }) => piece)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2, 2]);
  });

  test("keeps sources on pieces of their own while there are any, then shares, then asks twice", () => {
    const picker = pickerOf(2);
    const [a, b, c] = [{}, {}, {}];
    for (const source of [a, b, c]) picker.join(source, Bitfield.full(2));
    const [first] = take(picker, a, 1);
    const [second] = take(picker, b, 1);
    expect(first!.piece).not.toBe(second!.piece);
    expect(new Set(places(take(picker, c, 6))).size).toBe(6);
    expect(places([picker.next(c)!, picker.next(c)!]).sort()).toEqual(["0:0", "1:0"]);
    expect(picker.next(c)).toBeUndefined();
  });

  test("a block that came is wanted of nobody else", () => {
    const picker = pickerOf(1);
    const [a, b] = [{}, {}];
    for (const source of [a, b]) picker.join(source, Bitfield.full(1));
    const spans = take(picker, a, 4);
    take(picker, b, 4);
    expect(picker.receive(a, spans[0]!, block(0)).others).toEqual([b]);
    expect(picker.receive(b, spans[0]!, block(9))).toEqual({ others: [] });
  });

  test("what a source that left owed is free, and so is what it failed", () => {
    const picker = pickerOf(1);
    const [a, b] = [{}, {}];
    picker.join(a, Bitfield.full(1));
    const spans = take(picker, a, 4);
    picker.release(a, spans[2]!);
    expect(places(take(picker, a, 1))).toEqual(["0:2"]);
    picker.leave(a);
    picker.join(b, Bitfield.full(1));
    expect(places(take(picker, b, 9))).toEqual(["0:0", "0:1", "0:2", "0:3"]);
  });

  test("opens no more pieces than memory allows, but always one", () => {
    const picker = pickerOf(9, 2 * PIECE);
    const a = {};
    picker.join(a, Bitfield.full(9));
    expect(take(picker, a, 36)).toHaveLength(8);
    expect(picker.openBytes).toBe(2 * PIECE);
    const small = pickerOf(9, 1);
    small.join(a, Bitfield.full(9));
    expect(take(small, a, 36)).toHaveLength(4);
  });

  test("names the only sender of a bad piece at once", () => {
    const picker = pickerOf(1);
    const liar = {};
    picker.join(liar, Bitfield.full(1));
    for (const [i, span] of take(picker, liar, 4).entries()) picker.receive(liar, span, block(i));
    expect(picker.failed(0)).toBe(liar);
    expect(picker.openBytes).toBe(0);
  });

  test("of several senders of a bad piece names the liar when the piece is right", () => {
    const picker = pickerOf(1);
    const [honest, liar] = [{}, {}];
    for (const source of [honest, liar]) picker.join(source, Bitfield.full(1));
    const good = take(picker, honest, 3);
    const [bad] = take(picker, liar, 1);
    for (const span of good) picker.receive(honest, span, block(span.begin / BLOCK));
    expect(picker.receive(liar, bad!, block(-1)).whole?.piece).toBe(0);
    expect(picker.failed(0)).toBeUndefined();

    const again = take(picker, honest, 4);
    expect(again).toHaveLength(4);
    expect(picker.next(liar), "the next try is one source's alone").toBeUndefined();
    for (const span of again) picker.receive(honest, span, block(span.begin / BLOCK));
    expect(picker.verified(0)).toEqual(new Set([liar]));
    expect(picker.complete).toBe(true);
  });

  test("a lone try passes on when its source leaves", () => {
    const picker = pickerOf(1);
    const [a, b] = [{}, {}];
    for (const source of [a, b]) picker.join(source, Bitfield.full(1));
    const spans = [...take(picker, a, 2), ...take(picker, b, 2)];
    for (const [i, span] of spans.entries()) picker.receive(i < 2 ? a : b, span, block(i));
    picker.failed(0);
    picker.receive(a, picker.next(a)!, block(1));
    picker.leave(a);
    expect(take(picker, b, 9)).toHaveLength(4);
  });

  test("a lone try that is whole stays, whoever leaves: it is being written", () => {
    const picker = pickerOf(1);
    const [a, b] = [{}, {}];
    for (const source of [a, b]) picker.join(source, Bitfield.full(1));
    const spans = [...take(picker, a, 2), ...take(picker, b, 2)];
    for (const [i, span] of spans.entries()) picker.receive(i < 2 ? a : b, span, block(i));
    picker.failed(0);
    for (const span of take(picker, a, 4)) picker.receive(a, span, block(1));
    picker.leave(a);
    expect(take(picker, b, 9)).toEqual([]);
    expect(picker.openBytes).toBe(PIECE);
    picker.verified(0);
    expect(picker.complete).toBe(true);
  });

  test("the memory of a verified piece serves the next, that of one being written does not", () => {
    const picker = pickerOf(3);
    const a = {};
    picker.join(a, Bitfield.full(3));
    const fill = () => take(picker, a, 4).map((span) => picker.receive(a, span, block(span.piece)).whole!)[3]!;
    const [first, second] = [fill(), fill()];
    expect(second.data).not.toBe(first.data);
    picker.verified(first.piece);
    expect(fill().data).toBe(first.data);
    expect(second.data).toEqual(Buffer.alloc(PIECE, second.piece));
  });

  test("any order of events ends with every piece, each block stored once", () => {
    for (let round = 0; round < 200; round++) {
      const pieces = 1 + (round % 7);
      const picker = pickerOf(pieces, PIECE * (1 + (round % 3)));
      const sources = [{}, {}, {}];
      const asked: [object, BlockSpan][] = [];
      for (const source of sources) picker.join(source, Bitfield.full(pieces));
      for (let step = 0; !picker.complete; step++) {
        expect(step).toBeLessThan(10_000);
        const source = sources[Math.floor(Math.random() * 3)]!;
        const span = picker.next(source);
        if (span !== undefined) asked.push([source, span]);
        if (asked.length === 0) continue;
        const [[who, what]] = asked.splice(Math.floor(Math.random() * asked.length), 1) as [[object, BlockSpan]];
        const fate = Math.random();
        if (fate < 0.1) picker.release(who, what);
        else {
          const { whole } = picker.receive(who, what, block(what.begin / BLOCK));
          if (whole !== undefined && Math.random() < 0.3) picker.failed(whole.piece);
          else if (whole !== undefined) expect(picker.verified(whole.piece)).toEqual(new Set());
        }
      }
      expect(picker.openBytes).toBe(0);
    }
  });
});
