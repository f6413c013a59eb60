/**
 * Einstein sums as one batched matrix product. tfjs 4.22 has none on wasm; on cpu and webgpu it gives wrong results where two
 * indices are summed at different steps, and frees its input where the result is the input itself.
 */
import { backend_util, type KernelConfig, type TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';

/** A tensor and the letter of each of its axes. */
interface Operand {
  readonly x: TensorInfo;
  readonly letters: string;
}

/** Runs kernels of the backend; what they make is freed in the end, but for the result. */
type Run = (kernelName: string, inputs: Record<string, TensorInfo>, attrs?: Record<string, unknown>) => TensorInfo;

const keep = (letters: string, p: (letter: string) => boolean): string => [...letters].filter(p).join('');

/** The sum over letters that stand nowhere else. */
const summedAlone = (run: Run, { x, letters }: Operand, elsewhere: string): Operand => {
  const axis = [...letters].flatMap((letter, i) => (elsewhere.includes(letter) ? [] : [i]));
  if (axis.length === 0) return { x, letters };
  return { x: run('Sum', { x }, { axis, keepDims: false }), letters: keep(letters, (l) => elsewhere.includes(l)) };
};

/** Axes in the order of letters. */
const arranged = (run: Run, { x, letters }: Operand, order: string): TensorInfo => {
  const perm = [...order].map((letter) => letters.indexOf(letter));
  return perm.every((axis, i) => axis === i) ? x : run('Transpose', { x }, { perm });
};

/** The product of two operands, over the letters that both have and the result lacks. */
const product = (run: Run, a: Operand, b: Operand, result: string): Operand => {
  const shared = keep(a.letters, (l) => b.letters.includes(l));
  const batch = keep(shared, (l) => result.includes(l));
  const inner = keep(shared, (l) => !result.includes(l));
  const rows = keep(a.letters, (l) => !shared.includes(l));
  const columns = keep(b.letters, (l) => !shared.includes(l));
  const lengths = new Map([a, b].flatMap(({ x, letters }) => [...letters].map((l, i) => [l, x.shape[i] as number])));
  const lengthsOf = (letters: string): number[] => [...letters].map((l) => lengths.get(l) as number);
  const matrices = (operand: Operand, outer: string): TensorInfo => {
    const x = arranged(run, operand, batch + outer + inner);
    return { ...x, shape: [batch, outer, inner].map((letters) => sizeOf(lengthsOf(letters))) };
  };
  const y = run(
    'BatchMatMul',
    { a: matrices(a, rows), b: matrices(b, columns) },
    { transposeA: false, transposeB: true },
  );
  const letters = batch + rows + columns;
  return { x: { ...y, shape: lengthsOf(letters) }, letters };
};

/** `y[result] = sum of a[p] b[q]` of one or two operands, by other kernels of a backend. */
export const einsumOn = (backendName: string): KernelConfig => ({
  kernelName: 'Einsum',
  backendName,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const equation = ((attrs?.['equation'] ?? '') as string).replace(/\s/g, '');
    const xs = Object.values(inputs) as TensorInfo[];
    const { allDims, idDims } = backend_util.decodeEinsumEquation(equation, xs.length);
    type Tensors = Parameters<typeof backend_util.checkEinsumDimSizes>[2];
    backend_util.checkEinsumDimSizes(allDims.length, idDims, xs as Tensors);
    const made: TensorInfo[] = [];
    const run: Run = (kernelName, given, attributes = {}) => {
      const kernel = tf.getKernel(kernelName, backendName);
      const y = kernel.kernelFunc({ inputs: given, attrs: attributes as never, backend }) as TensorInfo;
      made.push(y);
      return y;
    };
    const [left = '', result = ''] = equation.split('->');
    const terms = left.split(',');
    const operands = xs.map((x, i) =>
      summedAlone(run, { x, letters: terms[i] as string }, result + terms.filter((_, j) => j !== i).join('')),
    );
    const [a, b] = operands as [Operand, Operand?];
    const whole = b === undefined ? a : product(run, a, b, result);
    const y = arranged(run, whole, result);
    const own = made.some(({ dataId }) => dataId === y.dataId) ? y : run('Identity', { x: y });
    const storage = backend as unknown as { readonly disposeData: (dataId: object) => boolean };
    made.filter(({ dataId }) => dataId !== own.dataId).forEach(({ dataId }) => storage.disposeData(dataId));
    return own;
  },
});
