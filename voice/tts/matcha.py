"""Matcha voices through sherpa-onnx: Mandarin and English in one, quick enough for small boards."""

from __future__ import annotations

from voice.tts import Files, Synthesizer, TtsConfig
from voice.tts.kokoro import read_table
from voice.tts.phonemes_en import English
from voice.tts.sherpa import Lexicon, SherpaSynthesizer, load_native


def create_matcha(files: Files, config: TtsConfig) -> Synthesizer:
    """Load a voice from the files acoustic_model, vocoder, tokens and lexicon.

    With `lexicon_en` (the American dictionary of Kokoro) English words are spoken by their
    phonemes, without it letter by letter. Raises SynthesisError.
    """
    import sherpa_onnx

    english = English(read_table(files["lexicon_en"])) if "lexicon_en" in files else None
    lexicon = Lexicon(files["tokens"], files["lexicon"], english)
    # The lexicon stays outside: sherpa-onnx takes the tokens themselves.
    matcha = sherpa_onnx.OfflineTtsMatchaModelConfig(
        acoustic_model=str(files["acoustic_model"]),
        vocoder=str(files["vocoder"]),
        tokens=str(files["tokens"]),
    )
    native = load_native(
        sherpa_onnx.OfflineTtsModelConfig(matcha=matcha, num_threads=config.threads)
    )
    return SherpaSynthesizer("matcha", native, lexicon, config, by_tokens=True)
