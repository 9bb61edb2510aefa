"""`load_model`: from a path to a classifier, on the backend that fits."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from sentiment.errors import ModelError
from sentiment.model import loading
from sentiment.model.loading import load_model
from sentiment.model.manifest import load_manifest
from tests.processes import run_python


def test_the_export_is_served_by_openvino_and_by_torch_under_one_identity(exported: Path) -> None:
    """Name and version are the manifest's on either backend; int8 is the default."""
    manifest = load_manifest(exported)
    int8, fp32 = load_model(exported), load_model(exported, backend="torch", threads=1)
    assert int8.model == fp32.model == manifest.ref()
    assert int8.backend == "openvino-int8"
    assert fp32.backend.startswith("torch-")


def test_nothing_given_is_the_shipped_model(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None and the empty path of the settings mean the model in the package."""
    monkeypatch.setattr(loading, "shipped_model_path", lambda: exported)
    assert load_model().model == load_model("").model == load_manifest(exported).ref()


def test_a_hub_id_without_a_network_is_one_clear_error(tmp_path: Path) -> None:
    """An id that is not a directory is looked up on the hub; if that fails, the error names the id."""
    code = (
        "from sentiment.model.loading import load_model\n"
        "from sentiment.errors import ModelError\n"
        "try: load_model('nobody/no-such-model')\n"
        "except ModelError as error: print(error.message)"
    )
    done = run_python(code, variables={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)})
    assert done.stdout.startswith("model nobody/no-such-model is not a directory and cannot be downloaded")


def test_a_download_is_read_like_a_directory(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download is checked like any foreign directory, and its name is the id."""
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(checkpoint))
    opened = loading.locate("owner/name")
    assert (opened.ref.name, opened.path) == ("owner/name", checkpoint)


def test_loading_and_scoring_an_export_imports_neither_torch_nor_transformers(exported: Path) -> None:
    """The default backend runs on a base install."""
    code = (
        "import sys\n"
        "from sentiment.model.loading import load_model\n"
        f"load_model({str(exported)!r}, threads=1).predict(['great'])\n"
        "assert not {'torch', 'transformers', 'nncf', 'huggingface_hub'} & set(sys.modules)"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_an_unusable_directory_is_a_usage_error(tmp_path: Path) -> None:
    """An empty directory is exit code 2, and the hint says what a model directory is."""
    with pytest.raises(ModelError, match="is not a model directory") as caught:
        load_model(tmp_path)
    assert caught.value.exit_code == 2
    assert caught.value.hint
