"""What a training run is made with, and the presets with the reason for each number."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llm.train import TrainingError

METHODS = ("lora", "qlora", "full", "freeze")
OBJECTIVES = ("sft", "dpo")
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All seven linear layers: MiniMind's square layers alone were too weak to learn a name."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides what comes out of a run, beside base and data."""

    method: str = "lora"
    objective: str = "sft"
    thinking: str = "strip"
    rank: int = 16
    """Of the adapter's matrices. LLaMA-Factory takes 8, Unsloth and Axolotl 16 to 32; above 16
    nothing was gained on a few hundred rows."""
    alpha: int = 32
    """Weight of the adapter: alpha / rank. Twice the rank, as in LLaMA-Factory and Axolotl."""
    learning_rate: float = 1e-4
    epochs: int = 2
    """Unsloth recommends 1 to 3. Of 300 rows of the knowledge base the validation loss fell from
    1.51 to 0.068 in one epoch, to 0.044 in two, to 0.043 in three; and the
    longer an adapter is trained, the more it forgets (D. Biderman et al., arXiv 2405.09673)."""
    rehearse: int = 64
    """Everyday questions that the base answers before it is trained, and is trained on beside the
    rows (`llm.train.rehearsal`); 64 are all there are, 0 = none."""
    batch_rows: int = 8
    """Rows for each step: 16 in most presets for thousands of rows, 8 so that a few hundred rows
    make a hundred steps."""
    max_tokens: int = 2048
    """Longest row: the context that the device gives a model."""
    pack_tokens: int = 512
    """Tokens evaluated at once. Measured on 2 cores: attention over a pack grows with its square
    and is a tenth of the time at 512 tokens, a fifth at 1024."""
    warmup_share: float = 0.03
    """Share of the steps in which the learning rate rises: 3 to 10 % in the presets of others."""
    final_share: float = 0.1
    """The learning rate falls along a cosine to this share of its height, as in MiniMind."""
    weight_decay: float = 0.0
    """None for adapters: they are small as it is. 0.01 where the weights themselves are trained."""
    clip_norm: float = 1.0
    """Longest gradient, as everywhere."""
    patience: int = 3
    """Validations without improvement after which training ends: a published Gemma 270M run had
    its best loss at a third of its steps and rose from there."""
    validations_per_epoch: int = 2
    checkpoint_steps: int = 10
    freeze_keep: int = 4
    """Last layers that `freeze` trains; the others stay as they are."""
    beta: float = 0.1
    """Strength of the pull back to the base in DPO, the value of its paper (arXiv 2305.18290)."""
    seed: int = 0
    dtype: str = "float32"
    """Type of frozen weights and activations: float32 or bfloat16. Chosen by the machine."""

    def __post_init__(self) -> None:
        for key, known in (("method", METHODS), ("objective", OBJECTIVES)):
            if getattr(self, key) not in known:
                raise TrainingError(f"unknown {key} {getattr(self, key)!r}", f"use one of {known}")
        for key, low, high in (
            ("rank", 1, 512),
            ("alpha", 1, 2048),
            ("learning_rate", 1e-8, 10.0),
            ("epochs", 1, 1000),
            ("rehearse", 0, 64),
            ("batch_rows", 1, 4096),
            ("max_tokens", 16, 131_072),
            ("pack_tokens", 16, 131_072),
            ("patience", 1, 1000),
            ("checkpoint_steps", 1, 100_000),
        ):
            if not low <= getattr(self, key) <= high:
                raise TrainingError(
                    f"{key.replace('_', ' ')} is {getattr(self, key)}",
                    f"give a number from {low} to {high}",
                )

    @property
    def trains_adapter(self) -> bool:
        """Return whether an adapter comes out, and not a model."""
        return self.method in ("lora", "qlora")


def preset(parameters: int, method: str = "lora", objective: str = "sft") -> Settings:
    """Return the settings for a model of so many parameters."""
    settings = Settings(method=method, objective=objective)
    return replace(
        settings,
        learning_rate=_learning_rate(parameters, settings),
        weight_decay=0.0 if settings.trains_adapter else 0.01,
        epochs=1 if objective == "dpo" else settings.epochs,
        rehearse=0 if objective == "dpo" else settings.rehearse,
    )


def _learning_rate(parameters: int, settings: Settings) -> float:
    if settings.objective == "dpo":
        return 5e-6  # pairs push hard: the paper's 1e-6 for full weights, five times for adapters
    if not settings.trains_adapter:
        # ms-swift: 1e-5 for full weights; small ones from MiniMind's full fine-tuning.
        return 5e-5 if parameters < 200_000_000 else 1e-5
    if parameters < 400_000_000:
        return 2e-4  # Unsloth's start, Axolotl's and Unsloth's for 270M to 350M
    # LLaMA-Factory and ms-swift. With 2e-4 and 3 epochs the 0.5B model of the catalogue forgot: of
    # 8 everyday questions it answered 4, before 7.
    return 1e-4
