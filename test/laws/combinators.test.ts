/** The algebra of adapters as data: equalities of expressions, without a tensor being read. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sameAdapter, type Adapter } from '../../src/adapters/adapter.js';
import {
  additiveModule,
  compose,
  composition,
  eqAdapter,
  identity,
  inverse,
  restrict,
  scale,
  sum,
} from '../../src/adapters/combine.js';
import { adaptedKeys, touchedKeys } from '../../src/adapters/compile.js';
import { methodArbitraries, realise, subjectData } from '../../src/laws/index.js';
import { dispose } from '../../src/ops/backend.js';

type Additive = Adapter<'additive'>;

const from = methodArbitraries['LORA'];
if (from === undefined) throw new Error('no arbitrary for LORA');

const [data] = fc.sample(subjectData(from, 'additive', 3), { numRuns: 1, seed: 21 });
if (data === undefined) throw new Error('no subject');
let leaves: ReadonlyArray<Additive> = [];
let free = (): void => undefined;

beforeAll(() => {
  const subject = realise(data);
  leaves = subject.leaves as ReadonlyArray<Additive>;
  free = () => [subject.weights, ...subject.leaves.map((leaf) => leaf.params)].forEach((w) => dispose(w));
});
afterAll(() => free());

/** Factors whose products are exact. */
const factor = fc.constantFrom(-2, -1, -0.5, 0.5, 1, 2, 4);

const modules = fc.subarray(['q_proj', 'model.embed_tokens', 'layers.0.up_proj', 'c_fc'], { minLength: 1 });

/** Expressions over three leaves, as functions of them. */
const { expression } = fc.letrec<{ expression: (of: ReadonlyArray<Additive>) => Additive }>((tie) => {
  const inner = tie('expression') as fc.Arbitrary<(of: ReadonlyArray<Additive>) => Additive>;
  const few = fc.array(inner, { maxLength: 3 });
  return {
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.nat(2).map((i) => (of: ReadonlyArray<Additive>) => of[i] as Additive),
      fc.constant(() => identity as Additive),
      few.map((fs) => (of: ReadonlyArray<Additive>) => compose(...fs.map((f) => f(of)))),
      few.map((fs) => (of: ReadonlyArray<Additive>) => sum(...fs.map((f) => f(of)))),
      fc.tuple(factor, inner).map(
        ([c, f]) =>
          (of: ReadonlyArray<Additive>) =>
            scale(c, f(of)),
      ),
      fc.tuple(modules, inner).map(
        ([ms, f]) =>
          (of: ReadonlyArray<Additive>) =>
            restrict(ms, f(of)),
      ),
    ),
  } as never;
});

const forAll = (property: (a: Additive, b: Additive, c: Additive) => void): void =>
  fc.assert(
    fc.property(expression, expression, expression, (a, b, c) => property(a(leaves), b(leaves), c(leaves))),
    { numRuns: 300, seed: 23 },
  );

const expectSame = (a: Adapter, b: Adapter): void => expect(eqAdapter.equals(a, b), 'the same adapter').toBe(true);

describe('composition', () => {
  it('is associative with unit identity', () =>
    forAll((a, b, c) => {
      expectSame(compose(compose(a, b), c), compose(a, compose(b, c)));
      expectSame(composition.concat(composition.concat(a, b), c), composition.concat(a, composition.concat(b, c)));
      expectSame(compose(composition.empty, a), a);
      expectSame(compose(a, composition.empty), a);
    }));

  it('touches what its parts touch', () =>
    forAll((a, b) => {
      expect(touchedKeys(compose(a, b))).toEqual(new Set([...touchedKeys(a), ...touchedKeys(b)]));
    }));
});

describe('sum', () => {
  it('is associative with unit identity', () =>
    forAll((a, b, c) => {
      expectSame(sum(sum(a, b), c), sum(a, sum(b, c)));
      expectSame(additiveModule.add(additiveModule.zero, a), a);
      expectSame(additiveModule.add(a, additiveModule.zero), a);
    }));
});

describe('scale', () => {
  it('is an action of the reals', () =>
    fc.assert(
      fc.property(expression, factor, factor, (f, p, q) => {
        const a = f(leaves);
        expectSame(scale(p, scale(q, a)), scale(p * q, a));
        expectSame(scale(1, a), a);
        expectSame(scale(0, a), identity);
      }),
      { numRuns: 300, seed: 25 },
    ));
});

describe('inverse', () => {
  it('is an involution that turns compositions around', () =>
    forAll((a, b) => {
      expectSame(inverse(inverse(a)), a);
      expectSame(inverse(compose(a, b)), compose(inverse(b), inverse(a)));
    }));
});

describe('restrict', () => {
  it('touches no more than the adapter, and keeps its keys', () =>
    fc.assert(
      fc.property(expression, modules, (f, ms) => {
        const a = f(leaves);
        const touched = touchedKeys(a);
        expect([...touchedKeys(restrict(ms, a))].every((key) => touched.has(key))).toBe(true);
        expect(adaptedKeys(restrict(ms, a), ['x', 'y'])).toEqual(['x', 'y']);
      }),
      { numRuns: 300, seed: 27 },
    ));
});

describe('equality', () => {
  it('tells expressions apart by their leaves and factors', () => {
    const [a, b] = leaves as [Additive, Additive, Additive];
    expect(sameAdapter(a, b)).toBe(false);
    expect(sameAdapter(scale(2, a), scale(4, a))).toBe(false);
    expect(sameAdapter(compose(a, b), compose(b, a))).toBe(false);
    expect(sameAdapter(sum(a, b), compose(a, b))).toBe(false);
    expect(sameAdapter(restrict(['q_proj'], a), restrict(['c_fc'], a))).toBe(false);
    expect(sameAdapter(a, { ...(a as Extract<Additive, { _tag: 'Leaf' }>) })).toBe(true);
  });
});
