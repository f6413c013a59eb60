"""Expected values of prompt methods on encoders and encoder-decoders, computed by PEFT.

Run:  python prompts.py          (writes prompts.json beside this file)
Made with torch 2.13.0, transformers 5.18.0 and peft 0.21.0.
"""
import json
import tempfile
from pathlib import Path

import peft as P
import torch
import transformers as T
from safetensors.torch import load_file, save_file

from golden import bases, rounded, wave, write

# PEFT asks for a method that transformers 5 has renamed, and that only generation calls
T.T5ForConditionalGeneration._prepare_encoder_decoder_kwargs_for_generation = None

IDS = [[31, 52, 45, 53, 85, 76, 12], [7, 90, 3, 3, 44, 61, 28]]
MASK = [[1] * 7, [1, 1, 1, 1, 1, 0, 0]]
TYPES = [[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 1, 0]]
TEXT = dict(inputIds=IDS, attentionMask=MASK)
PAIR = dict(**TEXT, decoderInputIds=[[0, 5, 9], [0, 44, 2]], decoderAttentionMask=[[1, 1, 1], [1, 1, 0]])
PYTHON_NAMES = dict(inputIds="input_ids", attentionMask="attention_mask", tokenTypeIds="token_type_ids", positionIds="position_ids",
                    decoderInputIds="decoder_input_ids", decoderAttentionMask="decoder_attention_mask")
BERT, T5 = dict(task_type="SEQ_CLS", num_virtual_tokens=3), dict(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=3)
TASKS = dict(num_tasks=3, num_ranks=2)

CASES = [
    ("soft tokens are of the first sentence", "bert_seqcls", P.PromptTuningConfig(**BERT), dict(**TEXT, tokenTypeIds=TYPES), {}),
    ("a prefix has no sentence", "bert_seqcls", P.PrefixTuningConfig(**BERT), dict(**TEXT, tokenTypeIds=TYPES), {}),
    ("soft tokens of each task", "bert_seqcls", P.MultitaskPromptTuningConfig(**BERT, **TASKS), TEXT, dict(taskIds=[2, 0])),
    ("soft tokens of the encoder", "t5", P.PromptTuningConfig(**T5), PAIR, {}),
    ("soft tokens of the encoder, one submodule", "t5", P.PromptTuningConfig(**T5, num_transformer_submodules=1), PAIR, {}),
    ("a prefix of the decoder", "t5", P.PrefixTuningConfig(**T5), PAIR, {}),
    ("a cartridge of the decoder", "t5", P.CartridgeConfig(**T5), PAIR, {}),
    ("soft tokens of both halves for each task", "t5", P.MultitaskPromptTuningConfig(**T5, **TASKS), PAIR, dict(taskIds=[1, 0])),
]

cases = []
for name, base, config, inputs, routing in CASES:
    cls = json.loads((bases / base / "config.json").read_text())["architectures"][0]
    folder = Path(tempfile.mkdtemp())
    model = P.get_peft_model(getattr(T, cls).from_pretrained(bases / base), config)
    model.save_pretrained(folder)
    saved = load_file(folder / "adapter_model.safetensors")
    own = [k for k in sorted(saved) if not k.startswith("base_model.")]
    tensors = saved | {k: 0.5 * wave(saved[k].shape, i) for i, k in enumerate(own)}
    save_file(tensors, folder / "adapter_model.safetensors")
    model = P.PeftModel.from_pretrained(getattr(T, cls).from_pretrained(bases / base), folder).eval()
    given = {PYTHON_NAMES[k]: torch.tensor(v) for k, v in inputs.items()}
    if "taskIds" in routing:
        given["task_ids"] = torch.tensor(routing["taskIds"])
    if name.startswith("soft tokens of both"):  # PEFT reads the decoder's embeddings there, and its mask by name
        given["decoder_inputs_embeds"] = model.word_embeddings(given.pop("decoder_input_ids"))
    with torch.no_grad():
        y = model(**given).logits
    shapes = {k: list(tensors[k].shape) for k in own}
    adapter = json.loads((folder / "adapter_config.json").read_text()) | dict(base_model_name_or_path=base)
    cases.append(dict(name=name, base=base, adapter=adapter, waves=shapes, inputs=inputs, routing=routing, shape=list(y.shape),
                      output=rounded(y[..., :8].flatten().tolist(), 7)))
write("prompts.json", cases)
