"""The Modelfile for Ollama has the model's own template and stop token."""

import pytest

from llm.export import ExportError
from llm.export.modelfile import modelfile
from llm.template import ChatTemplate
from tests.tiny_llm import CHATML, END, START

TEMPLATE = ChatTemplate(CHATML, "", END, frozenset({START, END}))


def test_the_template_of_the_model_is_written_out():
    text = modelfile("base.gguf", TEMPLATE, [END], "Be brief.", "adapter.gguf")
    assert text.splitlines() == [
        "# base.gguf and adapter.gguf must lie beside this file",
        "FROM ./base.gguf",
        "ADAPTER ./adapter.gguf",
        'TEMPLATE """<|im_start|>system',
        "{{ .System }}<|im_end|>",
        "<|im_start|>user",
        "{{ .Prompt }}<|im_end|>",
        "<|im_start|>assistant",
        '{{ .Response }}<|im_end|>"""',
        'SYSTEM """Be brief."""',
        'PARAMETER stop "<|im_end|>"',
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1.05",
    ]


@pytest.mark.parametrize("source", ["{{ raise_exception('no') }}", "{{ messages[0]['role'] }}"])
def test_a_template_that_cannot_be_put_that_way_is_refused(source: str):
    with pytest.raises(ExportError, match="no Modelfile can be written"):
        modelfile("model.gguf", ChatTemplate(source), [END], "")
