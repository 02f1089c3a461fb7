"""VITS voices through sherpa-onnx: the smallest and quickest, Mandarin only."""

from __future__ import annotations

from voice.tts import Files, SynthesisError, Synthesizer, TtsConfig
from voice.tts.sherpa import Lexicon, SherpaSynthesizer, load_native, read_tokens


def create_vits(files: Files, config: TtsConfig) -> Synthesizer:
    """Load a voice from the files model, tokens and lexicon.

    Raises SynthesisError.
    """
    import sherpa_onnx

    tokens = read_tokens(files["tokens"])
    if "sil" in tokens and "eos" not in tokens:
        # sherpa-onnx takes both for granted as soon as there is one.
        raise SynthesisError(f"{files['tokens'].name} has sil but no eos")
    lexicon = Lexicon(files["tokens"], files["lexicon"]).without_unsayable()
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=str(files["model"]), tokens=str(files["tokens"]), lexicon=str(files["lexicon"])
    )
    native = load_native(sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=config.threads))
    # Its tokens can be given only as single characters, so it gets words of its lexicon.
    return SherpaSynthesizer("vits", native, lexicon, config, by_tokens=False)
