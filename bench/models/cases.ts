/**
 * The models that are trained and run, with their folders.
 */
import { join } from 'node:path';
import { gpt2, llama, type Architecture } from './architectures.js';
import type { ModelTask } from './read.js';
import { writeBase, writeLora } from './write.js';

const RANK = 8;

/** A small Llama and a small GPT-2, or tiny ones. */
export const llamaOf = (quick: boolean): Architecture =>
  quick
    ? llama({ hidden: 64, intermediate: 172, layers: 2, heads: 4, groups: 2, vocabulary: 256 }, [2, 16])
    : llama({ hidden: 256, intermediate: 688, layers: 8, heads: 8, groups: 4, vocabulary: 4096 }, [4, 128]);

export const gpt2Of = (quick: boolean): Architecture =>
  quick
    ? gpt2({ hidden: 64, layers: 2, heads: 4, vocabulary: 256 }, [1, 16])
    : gpt2({ hidden: 768, layers: 12, heads: 12, vocabulary: 50_257 }, [1, 128]);

/** Writes a model and a LoRA into a folder. */
export const taskOf = (folder: string, name: string, architecture: Architecture): ModelTask => ({
  base: writeBase(join(folder, name), architecture),
  adapter: writeLora(join(folder, name), architecture, RANK),
  ids: architecture.ids,
  vocabulary: architecture.config['vocab_size'] as number,
});
