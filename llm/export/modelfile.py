"""The Modelfile with which Ollama runs an exported model, for owners who use it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from llm import GenerationError, Message
from llm.export import ExportError
from llm.template import ChatTemplate

_SYSTEM, _USER, _ANSWER = "{{ .System }}", "{{ .Prompt }}", "{{ .Response }}"


def modelfile(
    model: str, template: ChatTemplate, stops: Sequence[str], system: str, adapter: str = ""
) -> str:
    """Return the text; `model` and `adapter` are names of files beside it.

    Ollama guesses a template where none is given, and the guess has cost many people their stop
    token: so the model's own is rendered with Ollama's placeholders in the places of the texts.
    Raises ExportError: the template cannot be put that way.
    """
    lines = [f"# {' and '.join(filter(None, (model, adapter)))} must lie beside this file"]
    lines.append(f"FROM ./{model}")
    if adapter:
        lines.append(f"ADAPTER ./{adapter}")
    lines += [
        f'TEMPLATE """{_rendered(template)}"""',
        f'SYSTEM """{system}"""',
        *(f'PARAMETER stop "{stop}"' for stop in stops),
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1.05",
    ]
    return "\n".join(lines) + "\n"


def _rendered(template: ChatTemplate) -> str:
    try:
        asked = [Message("system", _SYSTEM), Message("user", _USER)]
        text = template.render(asked)
        whole = template.render([*asked, Message("assistant", _ANSWER)], answer_next=False)
    except GenerationError as error:
        raise ExportError(f"no Modelfile can be written: {error}") from error
    if not all(place in whole for place in (_USER, _ANSWER)) or not whole.startswith(text):
        raise ExportError("no Modelfile can be written: the template moves the texts about")
    text += whole[len(text) :].rstrip("\n")
    # Ollama adds the token that begins a sequence by itself.
    return text.removeprefix(template.bos) if template.bos else text
