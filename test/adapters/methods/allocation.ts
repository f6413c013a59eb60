/**
 * What PEFT allocates over twelve steps of training, on numbers of a formula (test/golden/allocation/generate.py).
 */
import { readFileSync } from 'node:fs';
import { tensorOf } from '../../../src/ops/backend.js';
import { recordOf, sizeOf, type Shape, type Weights } from '../../../src/ops/tensor.js';

type Shapes = Readonly<Record<string, Shape>>;

/** A file of the generator. */
export const allocated = <T>(name: string): T & { readonly shapes: Shapes } =>
  JSON.parse(readFileSync(new URL(`../../golden/allocation/${name}.json`, import.meta.url), 'utf8')) as T & {
    readonly shapes: Shapes;
  };

/** The generator's formula times `scale`: entry j of tensor i is ((37 j + 11 (seed + i)) mod 101) / 50 - 1. */
export const madeOf =
  (shapes: Shapes) =>
  (seed: number, scale = 1): Weights =>
    recordOf(
      Object.entries(shapes).map(([name, shape], i) => {
        const at = (j: number): number => Math.fround(((37 * j + 11 * (seed + i)) % 101) / 50 - 1) * scale;
        return [
          name,
          tensorOf(
            Float32Array.from({ length: sizeOf(shape) }, (_, j) => at(j)),
            shape,
          ),
        ] as const;
      }),
    );
