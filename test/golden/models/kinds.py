"""Expected values of encoders, encoder-decoders and image models in test/models, computed by transformers.

Run:  python kinds.py          (writes kinds.json, buckets.json, losses.json and seq2seq.json beside this file)
Made with torch 2.13.0 and transformers 5.18.0.
"""
import json

import torch
import transformers as T
from transformers.models.t5.modeling_t5 import T5Attention

from golden import bases, rounded, wave, write


def load(base, name, options):
    """A base of the cases under another class or configuration; tensors that the base lacks are waves, which are listed, and so are those that stay."""
    config = json.loads((bases / base / "config.json").read_text())
    stored = getattr(T, config["architectures"][0]).from_pretrained(bases / base).state_dict()
    config = {k: v for k, v in config.items() if k not in ("dense_act_fn", "is_gated_act")}  # what feed_forward_proj says
    config = T.AutoConfig.for_model(**(config | json.loads(json.dumps(options)) | dict(architectures=[name])))
    model = getattr(T, name)._from_config(config, attn_implementation="eager").eval()
    model.tie_weights()
    waves = {}
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key in stored and stored[key].shape == parameter.shape:
                parameter.copy_(stored[key])
            else:
                parameter.copy_(0.3 * wave(parameter.shape, len(waves)))
                waves[key] = list(parameter.shape)
    return model, dict(waves=waves, without=sorted(stored.keys() - model.state_dict().keys()))


# ---------------------------------------------------------------- outputs: their first 8 channels
IDS = [[31, 52, 45, 53, 85, 76, 12], [7, 90, 3, 3, 44, 61, 28]]
MASK = [[1] * 7, [1, 1, 1, 1, 1, 0, 0]]
LEFT = [[1] * 7, [0, 0, 1, 1, 1, 1, 1]]
TYPES = [[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 1, 0]]
TEXT = dict(inputIds=IDS, attentionMask=MASK)
LONG = [[(13 * i + 5 * b) % 96 for i in range(24)] for b in range(2)]
PAIR = dict(inputIds=LONG, decoderInputIds=[row[3:21] for row in LONG])
SOME = dict(inputIds=IDS, attentionMask=LEFT, decoderInputIds=[[0, 5, 9], [0, 44, 2]], decoderAttentionMask=[[1, 1, 1], [1, 1, 0]])
PYTHON_NAMES = dict(inputIds="input_ids", attentionMask="attention_mask", tokenTypeIds="token_type_ids", positionIds="position_ids",
                    decoderInputIds="decoder_input_ids", decoderAttentionMask="decoder_attention_mask")
BUCKETS = dict(relative_attention_num_buckets=8, relative_attention_max_distance=12)

KINDS = [
    ("bert with two sentences and positions", "bert", "BertModel", {}, dict(**TEXT, tokenTypeIds=TYPES, positionIds=[[5, 6, 7, 8, 9, 10, 11]])),
    ("bert with relu, another epsilon and left padding", "bert", "BertModel", dict(hidden_act="relu", layer_norm_eps=1e-2), dict(inputIds=IDS, attentionMask=LEFT)),
    ("bert that fills masks", "bert_seqcls", "BertForMaskedLM", {}, TEXT),
    ("bert that fills masks with a head of its own", "bert_seqcls", "BertForMaskedLM", dict(tie_word_embeddings=False), TEXT),
    ("bert that tells whether a sentence follows", "bert_seqcls", "BertForNextSentencePrediction", {}, dict(**TEXT, tokenTypeIds=TYPES)),
    ("bert that classifies sequences", "bert_seqcls", "BertForSequenceClassification", {}, dict(**TEXT, tokenTypeIds=TYPES)),
    ("bert that classifies tokens", "bert_tokcls", "BertForTokenClassification", {}, dict(**TEXT, tokenTypeIds=TYPES)),
    ("bert that answers questions", "bert_qa", "BertForQuestionAnswering", {}, dict(**TEXT, tokenTypeIds=TYPES)),
    ("t5 on long texts", "t5", "T5ForConditionalGeneration", {}, PAIR),
    ("t5 with padding on both sides", "t5", "T5ForConditionalGeneration", {}, SOME),
    ("t5 with few buckets and another epsilon", "t5", "T5ForConditionalGeneration", dict(**BUCKETS, layer_norm_epsilon=1e-2), PAIR),
    ("t5 with gates, a shallow decoder and plain outputs", "t5", "T5ForConditionalGeneration",
     dict(feed_forward_proj="gated-gelu", num_decoder_layers=1, scale_decoder_outputs=False, tie_word_embeddings=False), SOME),
    ("t5 with gates of silu and a deep decoder", "t5", "T5ForConditionalGeneration", dict(feed_forward_proj="gated-silu", num_decoder_layers=3), SOME),
    ("t5 with narrow heads", "t5", "T5ForConditionalGeneration", dict(d_kv=6), SOME),
    ("t5 without a head", "t5", "T5Model", {}, SOME),
    ("t5's encoder", "t5", "T5EncoderModel", {}, dict(inputIds=LONG)),
    ("vit without a head", "vit", "ViTModel", {}, dict(image=[8, 8])),
    ("vit on wide images in tall patches", "vit", "ViTForImageClassification", dict(image_size=[8, 12], patch_size=[4, 2], hidden_act="gelu_new"), dict(image=[8, 12])),
    ("vit on images that patches do not fill, of one channel", "vit", "ViTForImageClassification", dict(image_size=10, num_channels=1, qkv_bias=False), dict(image=[10, 10])),
]

cases = []
for name, base, cls, options, inputs in KINDS:
    model, weights = load(base, cls, options)
    if "image" in inputs:
        given = dict(pixel_values=wave([2, options.get("num_channels", 3), *inputs["image"]], 5))
    else:
        given = {PYTHON_NAMES[k]: torch.tensor(v) for k, v in inputs.items()}
    with torch.no_grad():
        y = model(**given)
    y = torch.stack([y.start_logits, y.end_logits], -1) if "start_logits" in y else y[0]
    cases.append(dict(name=name, base=base, className=cls, config=options, **weights, inputs=inputs, shape=list(y.shape),
                      output=rounded(y[..., :8].flatten().tolist(), 7)))
model, _ = load("t5", "T5ForConditionalGeneration", {})
mt5 = T.MT5ForConditionalGeneration._from_config(
    T.MT5Config(**{k: v for k, v in model.config.to_dict().items() if k in ("vocab_size", "d_model", "d_ff", "d_kv", "num_heads", "num_layers")}, feed_forward_proj="relu"),
    attn_implementation="eager").eval()
mt5.load_state_dict(model.state_dict())
with torch.no_grad():
    y = mt5(**{PYTHON_NAMES[k]: torch.tensor(v) for k, v in SOME.items()})[0]
cases.append(dict(name="mt5", base="t5", className="MT5ForConditionalGeneration", config=dict(model_type="mt5"), waves={}, without=[], inputs=SOME,
                  shape=list(y.shape), output=rounded(y[..., :8].flatten().tolist(), 7)))
write("kinds.json", cases)

# ---------------------------------------------------------------- buckets of distances
cases = []
for count, distance in [(32, 128), (8, 12), (33, 100), (6, 64)]:
    for bidirectional in (True, False):
        distances = torch.arange(-300, 301)
        buckets = T5Attention._relative_position_bucket(distances, bidirectional, count, distance)
        cases.append(dict(count=count, maxDistance=distance, bidirectional=bidirectional, from_=-300, buckets=buckets.tolist()))
write("buckets.json", cases)

# ---------------------------------------------------------------- losses that the classes take
WORDS = dict(input_ids=torch.tensor(IDS))
LOSSES = [
    ("crossEntropy", "bert_seqcls", "BertForSequenceClassification", dict(problem_type="single_label_classification"), dict(labels=[2, 0])),
    ("meanSquaredError", "bert_seqcls", "BertForSequenceClassification", dict(problem_type="regression", num_labels=1), dict(labels=[0.5, -1.0])),
    ("meanSquaredError", "bert_seqcls", "BertForSequenceClassification", dict(problem_type="regression"), dict(labels=[[0.5, -1.0, 2.0], [1.0, 0.0, 0.25]])),
    ("binaryCrossEntropy", "bert_seqcls", "BertForSequenceClassification", dict(problem_type="multi_label_classification"), dict(labels=[[1.0, 0.0, 1.0], [0.0, 0.5, 0.0]])),
    ("crossEntropy", "bert_tokcls", "BertForTokenClassification", {}, dict(labels=[[0, 1, 2, -100, 1, 0, 2], [-100, 2, 2, 0, 1, -100, -100]])),
    ("spanCrossEntropy", "bert_qa", "BertForQuestionAnswering", {}, dict(start_positions=[1, 3], end_positions=[6, 4])),
    ("spanCrossEntropy", "bert_qa", "BertForQuestionAnswering", {}, dict(start_positions=[-1, 3], end_positions=[6, 9])),
    ("crossEntropy", "t5", "T5ForConditionalGeneration", {}, dict(labels=[[5, 9, 1, -100], [44, 2, 1, -100]])),
    ("crossEntropy", "vit", "ViTForImageClassification", {}, dict(labels=[4, 1])),
]
cases = []
for kind, base, cls, options, labels in LOSSES:
    model, _ = load(base, cls, options)
    given = WORDS if base != "vit" else dict(pixel_values=wave([2, 3, 8, 8], 5))
    given = given | {k: torch.tensor(v) for k, v in labels.items()}
    with torch.no_grad():
        y = model(**given)
        logits = torch.stack([y.start_logits, y.end_logits], -1) if "start_logits" in y else y.logits
        case = dict(kind=kind, base=base, labels=labels, shape=list(logits.shape), logits=rounded(logits.flatten().tolist(), 9), loss=y.loss.item())
        if base == "t5":
            case["shifted"] = model.prepare_decoder_input_ids_from_labels(given["labels"]).tolist()
            del case["logits"]
    cases.append(case)
write("losses.json", cases)

# ---------------------------------------------------------------- greedy texts of a batch of different lengths
PROMPTS = [[31, 22, 35, 33, 25, 36, 12], [7, 30, 3], [34]]
cases = []
GATED = dict(num_decoder_layers=1, feed_forward_proj="gated-gelu", scale_decoder_outputs=False)
for name, options in [("T5ForConditionalGeneration", {}), ("T5ForConditionalGeneration", dict(vocab_size=50)), ("T5ForConditionalGeneration", dict(vocab_size=74, **GATED))]:
    model, weights = load("t5", name, options)
    longest = max(map(len, PROMPTS))
    ids = torch.tensor([p + [0] * (longest - len(p)) for p in PROMPTS])
    mask = torch.tensor([[1] * len(p) + [0] * (longest - len(p)) for p in PROMPTS])
    with torch.no_grad():
        out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=16, do_sample=False, eos_token_id=None, output_scores=True, return_dict_in_generate=True)
    top = torch.stack(out.scores).topk(2, dim=-1).values
    assert (top[..., 0] - top[..., 1]).min() > 1e-4
    cases.append(dict(base="t5", className=name, config=options, **weights, prompts=PROMPTS, tokens=out.sequences[:, 1:].tolist()))
write("seq2seq.json", cases)
