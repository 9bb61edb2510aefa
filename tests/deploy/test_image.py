"""The image's recipe: clean by hadolint's rules, without root and without a shell."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.deploy.tools import DEPLOY
from tests.processes import REPOSITORY, run

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
TEXT = DOCKERFILE.read_text("utf-8")


def test_hadolint_has_nothing_to_say() -> None:
    """No rule is broken, and none is switched off."""
    checked = run([str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE)])
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert "hadolint ignore" not in TEXT


def test_what_is_copied_is_there_and_let_in() -> None:
    """Every path that the recipe copies exists, and `.dockerignore` does not keep it out."""
    copied = [word for line in re.findall(r"^COPY (?!--)(.+)$", TEXT, re.MULTILINE) for word in line.split()[:-1]]
    assert copied
    let_in = re.findall(r"^!(.+)$", (REPOSITORY / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    for name in copied:
        assert (REPOSITORY / name).exists()
        assert name.rstrip("/") in let_in


def test_it_runs_as_nobody_and_starts_without_a_shell() -> None:
    """Both targets come from one stage with a numeric user, and lists of words for what is started."""
    [runtime] = re.findall(r"AS runtime\n(.+?)\nFROM", TEXT, re.DOTALL)
    assert "USER 10001:10001" in runtime
    assert 'ENTRYPOINT ["sentiment"]' in runtime
    assert 'CMD ["python3", "-c"' in runtime
    assert {"FROM runtime AS gpu", "FROM runtime AS pipeline"} <= set(TEXT.splitlines())
