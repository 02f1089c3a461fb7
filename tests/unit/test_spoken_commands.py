from pathlib import Path

import pytest

from llm.knowledge import LANGUAGES, SHIPPED, load_knowledge
from voice.dialog.spoken_commands import _FILE, NAMES, SpokenCommands, tomllib

DATA = Path(__file__).parents[1] / "data/spoken_commands.toml"
UTTERANCES: dict[str, list[str]] = tomllib.loads(DATA.read_text(encoding="utf-8"))
QUESTIONS = UTTERANCES.pop("none")


@pytest.fixture(scope="module")
def commands() -> SpokenCommands:
    return SpokenCommands()


def test_the_tables_are_long_enough() -> None:
    assert sum(map(len, UTTERANCES.values())) >= 150
    assert set(UTTERANCES) == set(NAMES)
    assert len(QUESTIONS) >= 100


@pytest.mark.parametrize(
    ("text", "name"), [(text, name) for name, texts in UTTERANCES.items() for text in texts]
)
def test_commands(commands: SpokenCommands, text: str, name: str) -> None:
    language = "zh" if any("\u3400" <= character <= "\u9fff" for character in text) else "en"
    assert commands.name_of(text) == name
    assert commands.name_of(text, language) == name


@pytest.mark.parametrize("text", QUESTIONS)
def test_what_is_no_command(commands: SpokenCommands, text: str) -> None:
    assert commands.name_of(text) is None


def test_no_question_or_answer_of_the_knowledge_base_is_a_command(commands: SpokenCommands) -> None:
    entries = load_knowledge(SHIPPED).entries
    texts = [text for entry in entries for text in (*entry.ask, entry.answer)]
    assert len(texts) > 1000
    assert [text for text in texts if commands.name_of(text)] == []


def test_each_phrase_is_one_command_in_its_language(commands: SpokenCommands) -> None:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    assert set(tables) == set(LANGUAGES)
    for language, table in tables.items():
        for name in NAMES:
            kinds = (table[name].get(kind, []) for kind in ("phrases", "written", "alone"))
            for phrase in (phrase for kind in kinds for phrase in kind):
                assert commands.name_of(phrase, language) == name, phrase


def test_a_monologue_is_read_quickly_and_is_no_command(commands: SpokenCommands) -> None:
    assert commands.name_of("好了好了别说了" * 200) is None
    assert commands.name_of("please " * 14) is None
    assert commands.name_of("请你先" * 4 + "请你") is None
