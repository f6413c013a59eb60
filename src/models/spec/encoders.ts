/**
 * Rows of encoder and encoder-decoder model types.
 */
import { words, type Architecture } from './architecture.js';

const bertOrder = (embeddings: string): ReadonlyArray<string> =>
  words(`bert roberta electra embeddings word_embeddings ${embeddings}
    embeddings_project encoder layer attention self query key value distance_embedding crossattention intermediate
    output generator_predictions.LayerNorm dense LayerNorm pooler cls predictions transform lm_head layer_norm decoder
    seq_relationship generator_predictions generator_lm_head discriminator_predictions dense_prediction classifier
    out_proj qa_outputs`);

const bert: Architecture = {
  prefix: 'bert',
  parts: ['embeddings', 'encoder', 'pooler'],
  input: 'embeddings.word_embeddings',
  norm: 'LayerNorm',
  embeddings: ['word_embeddings', 'position_embeddings', 'token_type_embeddings', 'distance_embedding'],
  heads: [
    {
      classes: /For(MaskedLM|PreTraining)$|LMHeadModel$/,
      output: 'cls.predictions.decoder',
      bias: 'cls.predictions.bias',
    },
  ],
  tied: true,
  order: bertOrder('position_embeddings token_type_embeddings'),
  unused: [[/(ForMaskedLM|LMHeadModel)$/, /^(cls\.seq_relationship|bert\.pooler)\./]],
};

const roberta: Architecture = {
  ...bert,
  prefix: 'roberta',
  heads: [{ classes: /For(MaskedLM|CausalLM)$/, output: 'lm_head.decoder', bias: 'lm_head.bias' }],
  order: bertOrder('token_type_embeddings embeddings.LayerNorm position_embeddings'),
  unused: [[/For(MaskedLM|CausalLM)$/, /^roberta\.pooler\./]],
};

const electra: Architecture = {
  ...bert,
  prefix: 'electra',
  parts: ['embeddings', 'embeddings_project', 'encoder'],
  heads: [{ classes: /ForMaskedLM$/, output: 'generator_lm_head' }],
  unused: [],
};

const distilbert: Architecture = {
  prefix: 'distilbert',
  parts: ['embeddings', 'transformer'],
  input: 'embeddings.word_embeddings',
  norm: 'LayerNorm',
  embeddings: ['word_embeddings', 'position_embeddings'],
  heads: [{ classes: /ForMaskedLM$/, output: 'vocab_projector' }],
  tied: true,
  order: words(`distilbert embeddings word_embeddings position_embeddings LayerNorm transformer layer attention
    q_lin k_lin v_lin out_lin sa_layer_norm ffn lin1 lin2 output_layer_norm vocab_transform
    vocab_layer_norm vocab_projector pre_classifier classifier qa_outputs`),
};

const debertaV2: Architecture = {
  ...bert,
  prefix: 'deberta',
  parts: ['embeddings', 'encoder'],
  embeddings: ['word_embeddings', 'position_embeddings', 'token_type_embeddings', 'rel_embeddings'],
  heads: [],
  order: words(`deberta embeddings word_embeddings position_embeddings token_type_embeddings embed_proj encoder
    layer attention self query_proj key_proj value_proj intermediate output dense rel_embeddings
    LayerNorm conv pooler classifier qa_outputs`),
  unused: [],
};

const t5: Architecture = {
  prefix: 'transformer',
  unprefixed: /ForConditionalGeneration$/,
  parts: ['shared', 'encoder', 'decoder'],
  input: 'shared',
  norm: 'RMSNorm',
  embeddings: ['shared', 'embed_tokens', 'relative_attention_bias'],
  heads: [{ classes: /ForConditionalGeneration$/, output: 'lm_head' }],
  tied: true,
  shared: ['encoder.embed_tokens', 'decoder.embed_tokens'],
  order: words(`transformer shared encoder decoder embed_tokens block layer SelfAttention EncDecAttention q k v
    o relative_attention_bias DenseReluDense wi wi_0 wi_1 wo layer_norm final_layer_norm lm_head
    classification_head dense out_proj classifier qa_outputs`),
  unused: [[/^/, /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\./]],
};

const bart: Architecture = {
  prefix: 'model',
  parts: ['shared', 'encoder', 'decoder'],
  input: 'shared',
  norm: 'LayerNorm',
  embeddings: ['shared', 'embed_tokens', 'embed_positions'],
  heads: [{ classes: /ForConditionalGeneration$/, output: 'lm_head' }],
  tied: true,
  shared: ['encoder.embed_tokens', 'decoder.embed_tokens'],
  order: words(`model shared encoder decoder conv1 conv2 embed_tokens embed_positions layers self_attn k_proj
    v_proj q_proj out_proj self_attn_layer_norm encoder_attn encoder_attn_layer_norm fc1 fc2
    final_layer_norm layernorm_embedding layer_norm lm_head proj_out classification_head dense
    classification_head.out_proj qa_outputs`),
  unused: [[/^/, /^final_logits_bias$/]],
};

const { shared: _shared, ...bartUntied } = bart;

const whisper: Architecture = {
  ...bartUntied,
  parts: ['encoder', 'decoder'],
  input: 'decoder.embed_tokens',
  heads: [{ classes: /ForConditionalGeneration$/, output: 'proj_out' }],
  convs: { conv1: { stride: 1, padding: 1 }, conv2: { stride: 2, padding: 1 } },
};

const vit: Architecture = {
  prefix: 'vit',
  parts: ['embeddings', 'layers', 'layernorm', 'pooler'],
  input: 'embeddings.patch_embeddings',
  norm: 'LayerNorm',
  embeddings: [],
  convs: { projection: { stride: 'kernel', padding: 0 } },
  heads: [],
  tied: false,
  order: words(`vit cls_token mask_token position_embeddings embeddings patch_embeddings projection layers
    attention q_proj k_proj v_proj o_proj layernorm_before layernorm_after mlp fc1 fc2 layernorm
    pooler dense decoder classifier`),
  renames: [
    [/(^|\.)encoder\.layer\.(\d+)\./, '$1layers.$2.'],
    [/(^|\.)attention\.attention\.(query|key|value)\./, '$1attention.$2_proj.'],
    [/\.query_proj\./, '.q_proj.'],
    [/\.key_proj\./, '.k_proj.'],
    [/\.value_proj\./, '.v_proj.'],
    [/(^|\.)attention\.output\.dense\./, '$1attention.o_proj.'],
    [/(^|\.)intermediate\.dense\./, '$1mlp.fc1.'],
    [/(layers\.\d+)\.output\.dense\./, '$1.mlp.fc2.'],
  ],
};

/** Encoder and encoder-decoder rows by `model_type`. */
export const encoders: Readonly<Record<string, Architecture>> = {
  bert,
  roberta,
  'xlm-roberta': roberta,
  electra,
  distilbert,
  'deberta-v2': debertaV2,
  t5,
  mt5: t5,
  bart,
  whisper,
  vit,
};
