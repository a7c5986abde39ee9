import type { Address } from "viem";
import { expect, test } from "vitest";
import { rankOf } from "./turns.ts";

const committee = Array.from({ length: 9 }, (_, i) => `0x${String(i + 1).repeat(40)}` as Address);
const ranks = (work: string, round: number) => committee.map((keeper) => rankOf(committee, keeper, work, round));

test("every keeper has a turn of its own at a piece of work, and another one is first in the next round", () => {
  const now = ranks("settle:7", 31);
  expect(now.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ranks("settle:7", 31)).toEqual(now);
  expect(ranks("settle:7", 32).indexOf(0)).toBe((now.indexOf(0) + 1) % 9);
});

test("the first turns are spread over the committee", () => {
  const firsts = new Set(Array.from({ length: 200 }, (_, i) => ranks(`settle:${i}`, 31).indexOf(0)));
  expect(firsts.size).toBe(9);
});

test("who has no seat comes after all that have one", () => {
  expect(rankOf(committee, `0x${"a".repeat(40)}`, "freeze", 31)).toBe(9);
  expect(rankOf([], committee[0]!, "freeze", 31)).toBe(0);
});
