"""Load every engine that the configuration names: the one place that knows all packages."""

from __future__ import annotations

from pathlib import Path

from asr import Recognizer, VoiceActivityDetector
from asr.pinyin import syllables
from asr.repair import Repairer
from llm import LanguageModel, Sampling, SentenceEncoder
from llm.answer import Answerer
from llm.knowledge import SHIPPED, KnowledgeBase
from llm.knowledge.sign import SignedKnowledge, load_signed
from llm.retrieve import Retriever
from models.catalog import Model
from models.manifest import read_manifest
from models.store import Store
from voice.active_slot import GGUF, flashed_hashes, with_current_slot
from voice.config import Config
from voice.device.clock import today
from voice.ears import Ears
from voice.errors import UsageError
from voice.tts import Synthesizer

NO_MODEL = "none"
"""Value of llm.model with which only vetted texts are spoken."""


class ModelFiles:
    """Finds the model of a stage: the one the configuration names, or that of the profile."""

    def __init__(self, config: Config) -> None:
        self._store = Store(config.store)
        self._profile = self._store.catalog.profile(config.models.profile)

    def find(self, stage: str, name: str = "") -> tuple[Model, dict[str, Path]]:
        """Return the catalogue's entry for a stage and the files of that model by role.

        Raises ModelStoreError if it is missing or damaged, UsageError if it does something else.
        """
        model = self._store.catalog.model(name or self._profile[stage])
        if model.stage != stage:
            raise UsageError(
                f"{model.id} is a model for {model.stage}, not for {stage}", "hean models list"
            )
        return model, self._store.resolve(model.id)


def knowledge_of(config: Config) -> KnowledgeBase:
    """Return the knowledge base that the configuration names, with what the owner added to it."""
    return signed_knowledge_of(config).knowledge


def signed_knowledge_of(config: Config) -> SignedKnowledge:
    """Return the knowledge base with the entries of its site, and who signed for them."""
    return load_signed(
        knowledge_folder(config), own_folder(config), trusted_keys_folder(config), today(config)
    )


def knowledge_folder(config: Config) -> Path:
    """Return the folder of the knowledge base that the configuration names."""
    folder = with_current_slot(config).knowledge.folder
    return Path(folder).expanduser() if folder else SHIPPED


def own_folder(config: Config) -> Path:
    """Return where the owner's own entries, the site's and the signature are kept."""
    return config.store.parent / "knowledge"


def trusted_keys_folder(config: Config) -> Path:
    """Return the folder of the public keys of the authorities that the owner trusts."""
    return config.store.parent / "trusted-keys"


def load_ears(config: Config, knowledge: KnowledgeBase) -> Ears:
    """Load voice activity detection, recognition and repair."""
    return Ears(load_vad(config), load_recognizer(config), Repairer(knowledge.terms("zh")))


def load_vad(config: Config) -> VoiceActivityDetector:
    """Load voice activity detection. It remembers what it heard: each listener needs its own."""
    from asr.vad import SileroVad

    _, files = ModelFiles(config).find("vad")
    return SileroVad(files, config.vad.threshold)


def load_recognizer(config: Config) -> Recognizer:
    """Load speech recognition; with a streaming model, both as one."""
    from asr.engines import TWO_PASS, create_recognizer, two_pass_files

    found = ModelFiles(config)
    model, files = found.find("asr", config.asr.model)
    if not config.asr.streaming_model:
        return create_recognizer(model.engine, files, config.asr)
    live, live_files = found.find("asr", config.asr.streaming_model)
    both = two_pass_files({live.engine: live_files, model.engine: files})
    return create_recognizer(TWO_PASS, both, config.asr)


def load_retriever(config: Config, knowledge: KnowledgeBase) -> Retriever:
    """Load the search over what may be spoken; vectors are kept in the user's cache folder."""
    return Retriever(
        knowledge.speakable,
        load_encoder(config),
        syllables,
        knowledge.vocabulary,
        config.cache / "vectors",
    )


def load_encoder(config: Config) -> SentenceEncoder:
    """Load what turns sentences into vectors: the built-in encoder, unless another is named."""
    from llm.encode import create_encoder

    if not config.llm.encoder:
        return create_encoder("universal", {})
    model, files = ModelFiles(config).find("encoder", config.llm.encoder)
    return create_encoder(model.engine, files)


def load_answerer(config: Config, knowledge: KnowledgeBase) -> Answerer:
    """Load retrieval, the language model and the answer policy."""
    # The model first: while it is loaded all its pages count, and the other engines' do not yet.
    model = load_model(config)
    return Answerer(
        knowledge,
        load_retriever(config, knowledge),
        syllables,
        model,
        Sampling(max_tokens=config.llm.max_answer_tokens),
        timeout_s=config.llm.timeout_s,
    )


def load_model(config: Config) -> LanguageModel | None:
    """Load the language model; None if the configuration wants none."""
    from llm.engines import create_model

    config = with_current_slot(config)
    if config.llm.server_url:
        return create_model("openai", {}, config.llm)
    if config.llm.model == NO_MODEL:
        return None
    if config.llm.model.endswith(GGUF):
        path = Path(config.llm.model).expanduser()
        return create_model("llama-cpp", {"model": path}, config.llm)
    model, files = ModelFiles(config).find("llm", config.llm.model)
    # Tried in a child first: a crash of its library would end us, at each start anew. Models in
    # a slot have been through that when they were flashed.
    return create_model(model.engine, files, config.llm, config.cache / "tried")


def model_id_of(config: Config) -> str:
    """Return the SHA-256 of the language model's file, and after a "+" that of its adapter.

    They are those by which the model was installed or signed: nothing is read for it. "" = there
    is no model, or neither the store nor a slot has brought it: a server, a file of the owner.
    """
    config = with_current_slot(config)
    llm, flashed = config.llm, flashed_hashes(config)
    if llm.server_url or llm.model == NO_MODEL:
        return ""
    is_file = llm.model.endswith(GGUF)
    hashes = [flashed.get(llm.model, "")] if is_file else _installed_hashes(config)
    if llm.adapter:
        hashes = [*hashes[:1], flashed.get(llm.adapter, "")]
    return "+".join(hashes) if all(hashes) else ""


def _installed_hashes(config: Config) -> list[str]:
    store = Store(config.store)
    name = config.llm.model or store.catalog.profile(config.models.profile)["llm"]
    try:
        files = read_manifest(store.folder(name)).files
    except (FileNotFoundError, ValueError):  # loading it tells so
        return [""]
    return [files[role].sha256 for role in ("model", "adapter") if role in files]


def load_voice(config: Config) -> Synthesizer:
    """Load the voice, with its cache of answers synthesised ahead."""
    from voice.tts.cache import CachedSynthesizer
    from voice.tts.engines import create_synthesizer

    model, files = ModelFiles(config).find("tts", config.tts.model)
    voice = create_synthesizer(model.engine, files, config.tts)
    if not config.tts.cache_mb:
        return voice
    return CachedSynthesizer(voice, config.cache / "speech", config.tts.cache_mb)
