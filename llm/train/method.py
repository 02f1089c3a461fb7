"""What is trained: an adapter over frozen weights, the last layers, or everything."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from llm.train import TrainingError, UnusableBase
from llm.train.base import Base
from llm.train.files import replace_folder
from llm.train.settings import TARGETS, Settings

if TYPE_CHECKING:
    from llm.train.hardware import Hardware


class Trainable:
    """A base with the part of it that is trained."""

    def __init__(self, base: Base, settings: Settings, hardware: Hardware) -> None:
        self.base = base
        self._peft: Any = None
        torch.manual_seed(settings.seed)
        if settings.trains_adapter:
            self._peft = _with_adapter(base, settings, quick=hardware.device == "cpu")
        else:
            _unfreeze(base, settings)
        model: Any = base.model
        model.train()
        if "liger_kernel" in hardware.extras:
            from liger_kernel.transformers import _apply_liger_kernel_to_instance

            _apply_liger_kernel_to_instance(model=model)
        self.weights = {n: p for n, p in model.named_parameters() if p.requires_grad}

    def take_off(self) -> None:
        """Take the adapter off again: the base is as it was."""
        if self._peft is not None:
            self._peft.unload()

    def save(self, folder: Path) -> None:
        """Write the result: adapter/ or model/ in the run folder, whole or not at all."""
        if self._peft is not None:
            with replace_folder(folder / "adapter") as fresh:
                # Without the second argument PEFT asks a server about the base's vocabulary.
                self._peft.save_pretrained(fresh, save_embedding_layers=False)
                (fresh / "README.md").unlink(missing_ok=True)  # an empty form
                # Instead of this machine's path to it.
                _set(fresh / "adapter_config.json", "base_model_name_or_path", self.base.path.name)
            return
        with replace_folder(folder / "model") as fresh:
            model: Any = self.base.model
            model.save_pretrained(fresh)
            self.base.tokenizer.chat_template = self.base.template.source
            self.base.tokenizer.save_pretrained(fresh)
            _set(fresh / "tokenizer_config.json", "add_bos_token", self.base.adds_bos)


def _with_adapter(base: Base, settings: Settings, *, quick: bool) -> Any:
    from peft.tuners.lora import Linear

    from llm.train.lora import QuickLinear

    model = add_lora(base.model, settings)
    for module in model.modules():
        if quick and type(module) is Linear:
            module.__class__ = QuickLinear
    return model


def add_lora(model: Any, settings: Settings) -> Any:
    """Return a model with a fresh adapter of PEFT on all its linear layers."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=0.0,
        target_modules=list(TARGETS),
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 about checkpointing under its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
        return get_peft_model(model, config)


def _unfreeze(base: Base, settings: Settings) -> None:
    model: Any = base.model
    layers = model.get_decoder().layers
    if settings.method == "full":
        model.requires_grad_(True)
        return
    if not 1 <= settings.freeze_keep <= len(layers):
        raise TrainingError(
            f"freeze trains the last {settings.freeze_keep} layers; this model has {len(layers)}"
        )
    model.requires_grad_(False)
    for layer in layers[-settings.freeze_keep :]:
        layer.requires_grad_(True)


def _set(file: Path, key: str, value: object) -> None:
    """Change one setting of a file that a library wrote."""
    config = json.loads(file.read_text("utf-8"))
    config[key] = value
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def four_bit(settings: Settings, hardware: Hardware) -> Any:
    """Return the quantisation that QLoRA loads a base with; None for the other methods.

    Raises UnusableBase: this machine cannot do it.
    """
    if settings.method != "qlora":
        return None
    if hardware.device == "cpu" or "bitsandbytes" not in hardware.extras:
        raise UnusableBase(
            "qlora needs an NVIDIA graphics card and the pip package bitsandbytes",
            "use --method lora, which gives the same kind of adapter",
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
