import json

import pytest

from voice.cli import main


@pytest.mark.models
def test_models_named_beside_a_profile_are_fetched_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "fetch", "--profile", "starter", "smollm2-135m", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fetched"] == []  # all are there
    assert {"kokoro", "smollm2-135m"} < set(said["ready"])
    assert main(["models", "fetch", "smollm2-135m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ready"] == ["smollm2-135m"]
