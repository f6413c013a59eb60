/**
 * Attention as the numbers of a call, which are parted by groups of heads.
 */
import { attend, attendGrad, type Attention, type Functions, type Part } from '../kernels/attention.js';
import type { Cut } from './cut.js';

/** A call's numbers: groups, the room, sizes, the scale, places, the mask and its steps, then places of the result. */
export const attentionNumbers = (attention: Attention, part: Part, results: ReadonlyArray<number>): number[] => {
  const { sizes, scale, q, k, v, mask } = attention;
  const { B, H, G, S, T, d, e } = sizes;
  const hides = mask === undefined ? [0, 0, 0, 0] : [mask.at, ...mask.steps];
  return [part.from, part.to - part.from, part.room, B, H, G, S, T, d, e, scale, q, k, v, ...hides, ...results];
};

/**
 * How the call is cut: a part's groups begin where those before end, and its room lies `bytes` behind that of the part before.
 *
 * @param work operations of a group
 */
export const attentionCut = (bytes: number, work: number): Cut => ({
  counted: 1,
  steps: [1],
  apart: [0, 0, bytes],
  work,
  grain: 1,
});

type Numbers = ReadonlyArray<number>;

/** As many numbers as an attention has, in front of those of its results. */
const LENGTH = 18;

const parse = (numbers: Numbers): readonly [Attention, Part, Numbers] => {
  const at = (i: number): number => numbers[i] as number;
  const [from, count, room] = [at(0), at(1), at(2)];
  const sizes = { B: at(3), H: at(4), G: at(5), S: at(6), T: at(7), d: at(8), e: at(9) };
  const mask = at(14) === 0 ? {} : { mask: { at: at(14), steps: [at(15), at(16), at(17)] as const } };
  const attention = { sizes, scale: at(10), q: at(11), k: at(12), v: at(13), ...mask };
  return [attention, { from, to: from + count, room }, numbers.slice(LENGTH)];
};

/** Does a call of `attend`. */
export const performAttend = (functions: Functions, numbers: Numbers): void => {
  const [attention, part, [y]] = parse(numbers);
  attend(functions, attention, part, y as number);
};

/** Does a call of `attendGrad`. */
export const performAttendGrad = (functions: Functions, numbers: Numbers): void => {
  const [attention, part, results] = parse(numbers);
  const [dy, dq, dk, dv] = results as unknown as readonly [number, number, number, number];
  attendGrad(functions, attention, part, { dy, dq, dk, dv });
};
