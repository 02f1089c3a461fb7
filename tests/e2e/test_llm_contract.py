"""What every engine must do: the same tests through each engine's real library and real server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm import GenerationError, LanguageModel, LlmConfig, Message, Sampling
from llm.engines import ENGINES, create_model
from models import ModelStoreError
from models.store import Store
from tests.llm_server import llm_server
from tests.tiny_llm import write_random_model, write_scripted_model
from voice.config import Config

QUESTION = [
    Message("system", "Answer in three sentences."),
    Message("user", "What is good about staying indoors in a storm?"),
]


def _smollm2() -> Path:
    try:
        return Store(Config().store).resolve("smollm2-135m")["model"]
    except ModelStoreError as error:
        pytest.skip(f"{error} ({error.fix})")


FILES: dict[str, Callable[[Path], Path]] = {
    "scripted": lambda folder: write_scripted_model(folder / "scripted.gguf"),
    "random": lambda folder: write_random_model(folder / "random.gguf"),
    "smollm2": lambda _folder: _smollm2(),
}


def _of(*weights: str) -> pytest.MarkDecorator:
    """Run a test with these weights in every engine."""
    values = [
        pytest.param(
            (engine, name),
            id=f"{engine}-{name}",
            marks=[pytest.mark.models] if name == "smollm2" else [],
        )
        for engine in sorted(ENGINES)
        for name in weights
    ]
    return pytest.mark.parametrize("subject", values, indirect=True)


every_model = _of("scripted", "random", "smollm2")


@pytest.fixture(scope="module")
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LanguageModel]:
    engine, weights = request.param
    folder = tmp_path_factory.mktemp("llm")
    path = FILES[weights](folder)
    if engine == "openai":
        with llm_server(path, folder / "server.log") as url:
            model = create_model(engine, {}, LlmConfig(server_url=url, timeout_s=60))
            yield model
            model.close()
    else:
        model = create_model(engine, {"model": path}, LlmConfig(threads=1), folder)
        yield model
        model.close()


def answer(subject: LanguageModel, sampling: Sampling, question: str = "") -> str:
    messages = [*QUESTION[:-1], Message("user", question)] if question else QUESTION
    return "".join(subject.generate(messages, sampling))


@every_model
def test_an_answer_comes_in_pieces_and_is_counted(subject: LanguageModel) -> None:
    pieces = list(subject.generate(QUESTION, Sampling(max_tokens=12)))
    stats = subject.stats
    assert len(pieces) > 1
    assert all(pieces)
    assert len(pieces) <= stats.generated_tokens <= 12
    assert stats.outcome in ("end", "length")
    assert 0 < stats.first_token_s <= stats.total_s


@every_model
def test_greedy_answers_are_the_same_each_time(subject: LanguageModel) -> None:
    first, second = (answer(subject, Sampling(max_tokens=16)) for _ in range(2))
    assert first == second
    assert first


@_of("scripted")
def test_the_scripted_answer_arrives_as_written(subject: LanguageModel) -> None:
    assert answer(subject, Sampling(max_tokens=64)) == "Go inside. 进入室内。 STOP now"
    assert subject.stats.outcome == "end"


@every_model
def test_max_tokens_is_honoured(subject: LanguageModel) -> None:
    whole = answer(subject, Sampling(max_tokens=10))
    part = answer(subject, Sampling(max_tokens=3))
    assert subject.stats.outcome == "length"
    assert subject.stats.generated_tokens == 3
    assert whole.startswith(part)
    assert len(part) < len(whole)


@every_model
def test_a_stop_string_ends_the_answer(subject: LanguageModel) -> None:
    sampling = Sampling(max_tokens=10)
    whole = answer(subject, sampling)
    stop = whole[len(whole) // 2 :][:3]
    stopped = answer(subject, Sampling(max_tokens=10, stop=(stop,)))
    assert stopped == whole[: whole.index(stop)]
    assert subject.stats.outcome in ("stop", "end")  # servers do not tell them apart


@_of("random", "smollm2")
def test_a_seed_makes_sampling_repeatable(subject: LanguageModel) -> None:
    def drawn(seed: int) -> str:
        return answer(subject, Sampling(max_tokens=16, temperature=1.0, seed=seed))

    assert drawn(11) == drawn(11)
    assert len({drawn(seed) for seed in range(1, 6)}) > 1


@every_model
def test_cancelled_between_tokens(subject: LanguageModel) -> None:
    pieces: list[str] = []
    for piece in subject.generate(QUESTION, Sampling(max_tokens=100), lambda: len(pieces) >= 2):
        pieces.append(piece)
    assert len(pieces) == 2
    assert subject.stats.outcome == "cancelled"


@every_model
def test_cancelled_before_it_begins(subject: LanguageModel) -> None:
    assert list(subject.generate(QUESTION, Sampling(), lambda: True)) == []
    assert subject.stats.outcome == "cancelled"
    assert subject.stats.generated_tokens == 0


@every_model
def test_an_abandoned_answer_does_not_disturb_the_next(subject: LanguageModel) -> None:
    whole = answer(subject, Sampling(max_tokens=8))
    abandoned = subject.generate(QUESTION, Sampling(max_tokens=8))
    next(abandoned)
    del abandoned
    assert answer(subject, Sampling(max_tokens=8)) == whole


@every_model
def test_prefill_does_not_change_the_answer(subject: LanguageModel) -> None:
    cold = answer(subject, Sampling(max_tokens=8), "How do I filter water?")
    subject.prefill(QUESTION)
    assert answer(subject, Sampling(max_tokens=8), "How do I filter water?") == cold


@pytest.mark.parametrize("messages", [[], [Message("user", "  ")]])
@every_model
def test_nothing_to_answer_is_a_clear_error(
    subject: LanguageModel, messages: list[Message]
) -> None:
    with pytest.raises(GenerationError, match="there is no text to answer"):
        list(subject.generate(messages, Sampling()))


@every_model
def test_a_prompt_beyond_the_context_is_a_clear_error(subject: LanguageModel) -> None:
    with pytest.raises(GenerationError, match="context") as caught:
        list(subject.generate([Message("user", "word " * 20_000)], Sampling()))
    assert "\n" not in str(caught.value)
    assert answer(subject, Sampling(max_tokens=4))


def test_all_engines_are_known_by_name() -> None:
    with pytest.raises(GenerationError, match="unknown language model engine 'gpt'; known are"):
        create_model("gpt", {}, LlmConfig())
