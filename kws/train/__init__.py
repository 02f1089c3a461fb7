"""Training of a small wake word model from the text of the words alone.

A library: folders and callables are given. What computes needs torch, of the `train` extra, and is
imported only to train: the others can be used without it.

    features.py      sounds as sherpa-onnx hears them          (these need torch)
    augment.py       rooms, noises, microphones: changed anew each time, from
    noises.py        what is heard in a house, a street and the weather, made by formulas
    rooms.py         echoes, made as well
    waves.py         what both are put together from
    batches.py       clips joined to examples
    zipformer.py     the encoder, from
    attention.py
    layers.py
    model.py         encoder and predictor
    loss.py          the transducer's loss over its full lattice
    loop.py          steps, losses, checkpoints
    checkpoint.py    what a killed run goes on from
    export.py        to the ONNX files of sherpa-onnx, the matrices in 8 bits by
    quantise.py
    settings.py      how it is trained, with reasons           (these do not)
    shape.py         sizes of the encoder
    curve.py         the losses as a picture
    texts.py         what is said in the corpus, with
    neighbours.py    what sounds nearly like a wake word
    spelling.py      texts as tokens, from
    inventory.py     the tokens there are
    speakers.py      new speakers from the voices of a synthesiser
    synthesis.py     has all of it spoken; what was said in one breath is parted by
    cutting.py
    corpus.py        the clips, and what is said in them
    operating.py     boost and threshold of each word
"""

from __future__ import annotations

from kws import WakeWordError


class WakeTrainingError(WakeWordError):
    """A wake word model cannot be trained; nothing that was reached is lost."""
