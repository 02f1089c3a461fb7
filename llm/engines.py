"""The engines by name. A new engine is one file, one line here, and the contract test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llm import Files, GenerationError, LanguageModel, LlmConfig


def _llama_cpp(files: Files, config: LlmConfig, cache: Path | None) -> LanguageModel:
    from llm.llama_cpp import LlamaCppModel

    return LlamaCppModel(files, config, cache)


def _openai(_files: Files, config: LlmConfig, _cache: Path | None) -> LanguageModel:
    from llm.openai import OpenAiModel

    return OpenAiModel(config)


ENGINES: dict[str, Callable[[Files, LlmConfig, Path | None], LanguageModel]] = {
    "llama-cpp": _llama_cpp,
    "openai": _openai,
}


def create_model(
    engine: str, files: Files, config: LlmConfig, cache: Path | None = None
) -> LanguageModel:
    """Load a language model. `cache` is a folder for what need not be found out again.

    Raises GenerationError: unknown engine, wrong files, server not reachable.
    """
    if engine not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise GenerationError(f"unknown language model engine {engine!r}; known are {known}")
    return ENGINES[engine](files, config, cache)
