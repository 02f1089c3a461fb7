"""One model asked everything in a child process, by the engine of run time."""

import math
from pathlib import Path

import pytest

from llm import LlmConfig, Message
from llm.evaluate import Case
from llm.evaluate.harness import evaluate, log_likelihood
from llm.evaluate.measuring import MAX_TOKENS, Subject, measure
from llm.evaluate.probes import questions, sentences
from llm.export import ExportError
from llm.llama_cpp import LlamaCppModel
from llm.llama_native import NativeModel, NativeSettings
from tests.tiny_llm import LETTERS, write_adapter, write_random_model, write_scripted_model


def case(number: int, question: str = "What now?") -> Case:
    asked = (Message("user", f"{question} {number}"),)
    return Case(f"valid.jsonl:{number}", "answer", "en", asked, "Go inside.")


PIECES = ("Go in", "side.")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scripted_model(tmp_path_factory.mktemp("model") / "m.gguf", PIECES)


def test_replies_losses_speed_and_memory_are_measured(model: Path):
    shown = []
    found = measure(Subject("tiny", model), [case(1), case(2)], lambda *done: shown.append(done))
    assert [reply.text for reply in found.replies.values()] == 2 * ["Go inside."]
    assert {reply.outcome for reply in found.replies.values()} == {"end"}
    assert shown == [(1, 2), (2, 2)]
    assert len(found.probe_losses) == len(sentences())
    assert len(found.general) == len(questions())
    assert found.tokens_per_s > 0
    assert found.memory_mb > 10
    assert found.size_mb == pytest.approx(model.stat().st_size / 1e6)


def test_the_loss_is_that_of_the_reference_not_of_the_reply(tmp_path: Path):
    subject = Subject("random", write_random_model(tmp_path / "m.gguf"))
    said = measure(subject, [case(1)], lambda *_: None).replies["valid.jsonl:1"].text
    asked = case(1).asked
    cases = [
        Case(name, "", "en", asked, text) for name, text in (("own", said), ("no", said[::-1]))
    ]
    found = measure(subject, cases, lambda *_: None).replies
    assert found["own"].loss < found["no"].loss


def test_a_case_that_does_not_fit_the_context_is_left_out(model: Path):
    long = case(2, "x " * LlmConfig.context_tokens)
    found = measure(Subject("tiny", model), [case(1), long], lambda *_: None)
    assert list(found.replies) == ["valid.jsonl:1"]


def test_an_adapter_that_never_ends_is_seen(tmp_path: Path, model: Path):
    adapter = write_adapter(tmp_path / "a.gguf", "side.", "Go in", PIECES)
    found = measure(Subject("tuned", model, adapter), [case(1)], lambda *_: None)
    reply = found.replies["valid.jsonl:1"]
    assert reply.outcome == "length"
    assert reply.text.startswith("Go inside.Go inside.Go inside.")
    assert len(reply.text) > MAX_TOKENS


def test_a_truncated_model_is_named(tmp_path: Path, model: Path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:-1000])
    with pytest.raises(ExportError, match=r"cut\.gguf is cut short"):
        measure(Subject("cut", cut), [case(1)], lambda *_: None)


def test_log_probabilities_of_all_words_add_up_to_one(tmp_path: Path):
    model = LlamaCppModel({"model": write_random_model(tmp_path / "m.gguf")}, LlmConfig())
    asked = Message("user", "What now?")
    total = sum(
        math.exp(model.score([asked, Message("assistant", chr(33 + n))])[0]) for n in range(LETTERS)
    )
    assert 0 < total <= 1.0001
    long = "abc " * 60  # more tokens than are scored at once
    scores = model.score([asked, Message("assistant", long)])
    assert scores == pytest.approx(model.score([asked, Message("assistant", long)]), abs=1e-3)
    assert len(model.score_text("abcdef")) == 5
    model.close()


def test_log_likelihood_of_a_choice_as_the_harness_wants_it(model: Path):
    native = NativeModel(model, NativeSettings(1, 512))
    # The scripted model begins its first piece after a newline, and ends after its last one.
    _, greedy = log_likelihood(native, "assistant\n", "<|im_end|>", 512)
    assert not greedy
    choices = {c: log_likelihood(native, "x" * 600 + "\n", c, 512) for c in ("th", "a", "b")}
    assert all(math.isfinite(total) and total < 0 for total, _ in choices.values())
    assert log_likelihood(native, "y\n", "ab", 512)[0] == pytest.approx(
        log_likelihood(native, "y\n", "a", 512)[0] + log_likelihood(native, "y\na", "b", 512)[0],
        abs=0.01,
    )
    native.close()


def test_tasks_without_the_harness_say_what_to_install(model: Path):
    with pytest.raises(ExportError, match="lm-evaluation-harness") as caught:
        evaluate(Subject("tiny", model), ["cmmlu"])
    assert "pip install lm-eval" in caught.value.fix
