"""The language models of the catalogue: their own templates, and an answer from a passage."""

from collections.abc import Iterator

import pytest
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from llm import LlmConfig, Message, Sampling
from llm.engines import create_model
from llm.gguf import read_gguf
from llm.llama_cpp import LlamaCppModel
from llm.template import ChatTemplate
from models import ModelStoreError
from models.store import Store
from voice.config import Config

pytestmark = pytest.mark.models

SYSTEM = Message("system", "你是核应急助手。只用资料里的话回答问题，一到两句。")
PASSAGES = (
    "资料：被要求服用碘片时，24小时只吃一次，多吃没有用。\n"
    "进入室内，关好门窗，关掉通风，收听官方广播。\n"
)


def files(model: str) -> dict:
    try:
        return Store(Config().store).resolve(model)
    except ModelStoreError as error:
        pytest.skip(f"{error} ({error.fix})")


@pytest.fixture(scope="module")
def qwen() -> Iterator[LlamaCppModel]:
    config = LlmConfig(threads=2)
    model = create_model("llama-cpp", files("qwen2.5-coder-0.5b"), config)
    assert isinstance(model, LlamaCppModel)
    yield model
    model.close()


@pytest.mark.parametrize("name", ["smollm2-135m", "qwen2.5-coder-0.5b"])
@pytest.mark.parametrize("with_system", [True, False])
def test_the_template_is_rendered_as_the_reference_does(name: str, with_system: bool) -> None:
    template = ChatTemplate.from_gguf(read_gguf(files(name)["model"]))
    messages = [
        *([SYSTEM] if with_system else []),
        Message("user", "What now?"),
        Message("assistant", "Go inside."),
        Message("user", "然后呢？"),
    ]
    reference = Jinja2ChatFormatter(template.source, template.eos, template.bos)
    as_dicts = [{"role": m.role, "content": m.content} for m in messages]
    assert template.render(messages) == reference(messages=as_dicts).prompt
    assert {"<|im_start|>", "<|im_end|>"} <= template.markers


def test_an_answer_from_a_passage(qwen: LlamaCppModel) -> None:
    messages = [SYSTEM, Message("user", f"{PASSAGES}问题：碘片多久吃一次？")]
    pieces = list(qwen.generate(messages, Sampling(max_tokens=60)))
    assert "24小时" in "".join(pieces)
    assert not any("\ufffd" in piece for piece in pieces)
    assert qwen.stats.outcome == "end"


def test_prefilled_passages_save_most_of_a_prompt(qwen: LlamaCppModel) -> None:
    qwen.prefill([SYSTEM, Message("user", PASSAGES)])
    question = [SYSTEM, Message("user", f"{PASSAGES}问题：门窗怎么办？")]
    list(qwen.generate(question, Sampling(max_tokens=4)))
    assert qwen.stats.evaluated_tokens < qwen.stats.prompt_tokens / 4
