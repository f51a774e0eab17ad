"""`python -m models.diffusion.tiny FOLDER`: a Z-Image pipeline with random weights, of a few megabytes, for tests. Run it in the
environment with `diffusers`.
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

_TEXT_WIDTH = 32


def main(folder: Path) -> None:
    """Build the pipeline from its parts and save it."""
    torch.manual_seed(0)
    pipeline = ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(),
        text_encoder=_text_encoder(),
        tokenizer=_tokenizer(),
        transformer=_transformer(),
    )
    pipeline.save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte: any text can be tokenised, and no vocabulary has to be fetched."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<pad>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", chat_template=template)  # noqa: S106 - a token of text


def _text_encoder() -> Qwen3Model:
    return Qwen3Model(
        Qwen3Config(
            hidden_size=_TEXT_WIDTH,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=16,
            vocab_size=512,
            max_position_embeddings=512,
        )
    )


def _transformer() -> ZImageTransformer2DModel:
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=16,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=_TEXT_WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 128, 128],
    )
    with torch.no_grad():
        # These are created without values.
        transformer.x_pad_token.fill_(1)
        transformer.cap_pad_token.fill_(1)
    return transformer


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[8, 8, 16, 16],
        norm_num_groups=8,
        latent_channels=16,
        layers_per_block=1,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
