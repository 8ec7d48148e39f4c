"""A zoo: a tiny model with random weights of each of many families of transformers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import transformers
from tiny_language_models import byte_level, word_piece

POSITIONS = 24
VOCABULARY = {"masked": 80, "causal": 290}  # of the two tokenizers
SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 32,
    "max_position_embeddings": POSITIONS,
}


@dataclass(frozen=True)
class Family:
    """How to make a model of a family: classes of transformers, by name, and settings.

    `without` are the sizes that its configuration doesn't have, `attention` whether its attention
    can be measured; `config` is the configuration's class where the model's name doesn't tell.
    """

    objective: str
    model: str
    settings: Mapping[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    attention: bool = True
    config: str = ""


def masked(model, *without, attention=True, **settings):
    return Family("masked", f"{model}ForMaskedLM", settings, without, attention)


def causal(model, *without, attention=True, config="", **settings):
    return Family("causal", model, settings, without, attention, config)


PAD = {"pad_token_id": 1}  # as RoBERTa and its kin have it, which count positions from the next
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
HALVES = {"d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 3}
HALVES |= {"decoder_attention_heads": 3, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}

# What can be measured: each measure is right, but attention where there is none to measure.
MEASURED = {
    "bert": masked("Bert"),
    "roberta": masked("Roberta", type_vocab_size=1, **PAD),
    "xlm-roberta": masked("XLMRoberta", type_vocab_size=1, **PAD),
    "albert": masked("Albert", embedding_size=12),
    "electra": masked("Electra", embedding_size=12),
    "distilbert": masked("DistilBert", dim=24, hidden_dim=32),
    "deberta": masked("Deberta", **DISENTANGLED),
    "deberta-v2": masked(
        "DebertaV2", **DISENTANGLED, position_biased_input=False, position_buckets=16
    ),
    "deberta-v2 with a convolution": masked("DebertaV2", **DISENTANGLED, conv_kernel_size=3),
    "modernbert": masked("ModernBert", global_attn_every_n_layers=2, local_attention=8),
    "rembert": masked("RemBert", input_embedding_size=12, output_embedding_size=12),
    "roformer": masked("RoFormer"),
    "convbert": masked("ConvBert", embedding_size=12, num_attention_heads=4, conv_kernel_size=3),
    "megatron-bert": masked("MegatronBert"),
    "mpnet": masked("MPNet", **PAD),
    "mobilebert": masked("MobileBert", embedding_size=12, intra_bottleneck_size=24),
    "esm": masked("Esm", mask_token_id=4),
    "xlm": Family("masked", "XLMWithLMHeadModel", {"causal": False}),
    "fnet": masked("FNet", "num_attention_heads", attention=False),
    "squeezebert": masked(
        "SqueezeBert",
        attention=False,
        num_attention_heads=4,
        embedding_size=24,
        **{f"{part}_groups": 2 for part in ("q", "k", "v", "intermediate", "output")},
    ),
    "longformer": masked("Longformer", attention=False, attention_window=8, **PAD),
    "gpt2": causal("GPT2LMHeadModel"),
    "gpt-neo": causal("GPTNeoForCausalLM", attention_types=[[["global", "local"], 1]]),
    "gpt-neox": causal("GPTNeoXForCausalLM"),
    "llama": causal("LlamaForCausalLM", num_attention_heads=4, num_key_value_heads=2),
    "gemma2": causal("Gemma2ForCausalLM", num_key_value_heads=3, head_dim=8),
    "mixtral": causal("MixtralForCausalLM", num_key_value_heads=3, num_local_experts=3),
    "opt": causal("OPTForCausalLM", ffn_dim=32, word_embed_proj_dim=24),
    "bloom": causal("BloomForCausalLM"),
    # It takes the token for padding as such even where no mask says so: one that no text has.
    "xlm, causal": causal("XLMWithLMHeadModel", causal=True, pad_token_id=2),
    "bert, a decoder": causal("BertLMHeadModel", is_decoder=True),
    "bart, its decoder": causal("BartForCausalLM", *SIZES, **HALVES, config="BartConfig"),
    "mamba": causal("MambaForCausalLM", "num_attention_heads", attention=False),
}
# What can't be measured at all.
REFUSED = {
    "t5": causal(
        "T5ForConditionalGeneration",
        *SIZES,
        **{"d_model": 24, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 3},
    ),
    "bart": causal("BartForConditionalGeneration", *SIZES, **HALVES),
    "mbart": causal("MBartForConditionalGeneration", *SIZES, **HALVES),
    "xlnet": causal("XLNetLMHeadModel", *SIZES, d_model=24, n_layer=2, n_head=3, d_inner=32),
    "funnel": masked(
        "Funnel", *SIZES, block_sizes=[1, 1], d_model=24, n_head=3, d_head=8, d_inner=32
    ),
}


def build(name, *, trained=True):
    """Return a model of a family, in evaluation mode, with its tokenizer.

    `trained` makes all of its weights random, biases and scales too, and so large that no layer is
    without effect; else it is as transformers initialises it.
    """
    family = (MEASURED | REFUSED)[name]
    sizes = {key: size for key, size in SIZES.items() if key not in family.without}
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = getattr(transformers, family.config or _config_class(family.model))(
        **{"vocab_size": VOCABULARY[family.objective], **ids, **sizes, **family.settings}
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, family.model)(config).eval()
        if trained:
            for parameter in model.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
    return model, word_piece() if family.objective == "masked" else byte_level()


def save(name, folder, *, trained=True):
    """Save a model of a family, and its tokenizer, as a checkpoint; return its folder."""
    model, tokenizer = build(name, trained=trained)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _config_class(model):
    for ending in ("ForMaskedLM", "ForCausalLM", "ForConditionalGeneration", "LMHeadModel"):
        model = model.removesuffix(ending)
    return f"{model.removesuffix('With')}Config"
