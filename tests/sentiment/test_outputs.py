"""Where outputs go: a file is replaced whole; a link, a pipe and a device stay what they are."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment.errors import InputError
from sentiment.outputs import Output, ending_of, find_folder, find_output, refuse_clashes

OLD, NEW = b"the old content, which is longer\n", b"new\n"


def moved(output: Output) -> None:
    """Write as commands do that collect their rows in a file first."""
    written = output.begin()
    written.write_bytes(NEW)
    output.put(written)
    assert not written.exists()


both_ways = pytest.mark.parametrize("write", [lambda output: output.write(NEW), moved], ids=["write", "put"])


@both_ways
@pytest.mark.parametrize("there", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, write: Callable[[Output], None], there: bool) -> None:
    """Its permissions stay, readers of the old one are not disturbed, and nothing is left beside it."""
    path = tmp_path / "out.csv"
    if there:
        path.write_bytes(OLD)
        path.chmod(0o640)
    output = find_output(path)
    assert (output.regular, output.exists) == (True, there)
    before = path.open("rb") if there else None
    write(output)
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]
    if before is not None:
        with before:
            assert before.read() == OLD
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@both_ways
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("relative", [True, False])
def test_a_link_stays_and_its_target_is_written(
    tmp_path: Path, write: Callable[[Output], None], there: bool, relative: bool
) -> None:
    """Also through several links, and where the target does not exist yet."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    target = folder / "target.csv"
    if there:
        target.write_bytes(OLD)
    (folder / "second").symlink_to("target.csv" if relative else target)
    link = tmp_path / "first.csv"
    link.symlink_to(Path("elsewhere", "second") if relative else folder / "second")
    output = find_output(link)
    assert (output.path, output.exists) == (target, there)
    write(output)
    assert link.is_symlink()
    assert target.read_bytes() == link.read_bytes() == NEW
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "first.csv", "second", "target.csv"]


@both_ways
def test_all_names_of_a_file_see_the_new_content(tmp_path: Path, write: Callable[[Output], None]) -> None:
    """A new file would break a hard link."""
    path, other = tmp_path / "one", tmp_path / "other"
    path.write_bytes(OLD)
    other.hardlink_to(path)
    write(find_output(path))
    assert path.read_bytes() == other.read_bytes() == NEW
    assert path.samefile(other)


@both_ways
def test_a_pipe_gets_the_content(tmp_path: Path, write: Callable[[Output], None]) -> None:
    """A named one and one of the shell, `>(command)`; both stay."""
    named = tmp_path / "pipe"
    os.mkfifo(named)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(named.read_bytes()))
    reader.start()
    write(find_output(named))
    reader.join()
    assert got == [NEW]
    assert named.is_fifo()
    ours, theirs = os.pipe()
    write(find_output(f"/dev/fd/{theirs}"))
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        assert stream.read() == NEW


@both_ways
@pytest.mark.parametrize("link", [True, False])
def test_a_device_is_written_to(tmp_path: Path, write: Callable[[Output], None], link: bool) -> None:
    """It needs no --force, since nothing is lost."""
    path = Path(os.devnull)
    if link:
        path = tmp_path / "nothing"
        path.symlink_to(os.devnull)
    output = find_output(path)
    assert (output.regular, output.exists) == (False, False)
    write(output)
    output.clear()
    assert path.is_char_device()


@both_ways
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_stdout_has_several_names(
    write: Callable[[Output], None], name: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """What was printed before comes first; a file that stdout goes to is not begun anew."""
    print("before")  # noqa: T201
    output = find_output(name)
    assert output.is_stdout
    write(output)
    print("after")  # noqa: T201
    assert capfdbinary.readouterr().out == b"before\nnew\nafter\n"


def test_a_file_that_the_shell_has_opened_is_gone_on_with(tmp_path: Path) -> None:
    """`3> file` has its place in the file, which two writers share."""
    path = tmp_path / "log"
    with path.open("wb", buffering=0) as file:
        file.write(b"first\n")
        find_output(f"/dev/fd/{file.fileno()}").write(NEW)
        file.write(b"last\n")
    assert path.read_bytes() == b"first\nnew\nlast\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", ". is a directory"),
        ("to-folder", "to-folder is a directory"),
        ("none/x", "the folder of none/x does not exist"),
        ("dangling", "the folder of dangling does not exist"),
        ("circle", "links lead in a circle"),
        ("file/x", "Not a directory"),
        ("/dev/stdin", "not open for writing"),
        ("/dev/fd/999", "not open for writing"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """In one line, before anything is read or computed."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("to-folder").symlink_to(tmp_path)
    Path("dangling").symlink_to("none/x")
    Path("circle").symlink_to("circle")
    with Path(os.devnull).open("rb") as null:
        kept = os.dup(0)
        os.dup2(null.fileno(), 0)
        try:
            with pytest.raises(InputError, match=re.escape(said)) as caught:
                find_output(name)
        finally:
            os.dup2(kept, 0)
            os.close(kept)
    assert "\n" not in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_in_a_locked_folder_is_written_in_place(tmp_path: Path) -> None:
    """No file can be made beside it. Without its own permission it is refused at once."""
    path = tmp_path / "out"
    path.write_bytes(OLD)
    tmp_path.chmod(0o500)
    try:
        find_output(path).write(NEW)
        assert path.read_bytes() == NEW
        for name in ("out", "new"):
            path.chmod(0o400)
            with pytest.raises(InputError, match="permission denied"):
                find_output(tmp_path / name)
    finally:
        tmp_path.chmod(0o700)


def test_a_full_device_is_one_line() -> None:
    """The reason is the system's."""
    with pytest.raises(InputError, match="/dev/full cannot be written: No space left on device"):
        find_output("/dev/full").write(NEW)


def test_clearing_removes_a_file_and_empties_the_target_of_a_link(tmp_path: Path) -> None:
    """A link would lead nowhere without its target."""
    path, link, target = tmp_path / "file", tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    for name in (path, link):
        find_output(name).write(NEW)
        find_output(name).clear()
        find_output(name).clear()
    assert not path.exists()
    assert link.is_symlink()
    assert target.read_bytes() == b""


def test_one_file_is_not_written_twice_nor_read_and_written(tmp_path: Path) -> None:
    """Under any of its names, whether it exists or not; a device can be named twice."""
    path, link, hard = tmp_path / "x", tmp_path / "link", tmp_path / "hard"
    link.symlink_to("x")
    other, null = find_output(tmp_path / "y"), find_output(os.devnull)
    refuse_clashes([find_output(path), other, null, null], [tmp_path / "z", Path("-")])
    for content in (None, OLD):
        if content is not None:
            path.write_bytes(content)
            hard.hardlink_to(path)
        again = [tmp_path / "." / "x", link] + ([hard] if content else [])
        for name in again:
            with pytest.raises(InputError, match="two outputs are the same file"):
                refuse_clashes([find_output(path), other, find_output(name)])
            with pytest.raises(InputError, match="would overwrite the input"):
                refuse_clashes([other, find_output(path)], [name])
    with pytest.raises(InputError, match="two outputs are the same file"):
        refuse_clashes([find_output("-"), find_output("/dev/stdout")])


def test_an_ending_tells_the_format_or_is_refused(tmp_path: Path) -> None:
    """In any case of letters. A pipe needs none."""
    endings = (".svg", ".png")
    assert ending_of(find_output(tmp_path / "a.PNG"), endings, "a plot") == ".png"
    assert ending_of(find_output("-"), endings, "a plot") == ".svg"
    for name in ("a", "a.xlsx", "svg"):
        with pytest.raises(InputError, match="is not a name for a plot") as caught:
            ending_of(find_output(tmp_path / name), endings, "a plot")
        assert ".svg or .png" in str(caught.value.hint)


def test_a_folder_is_created_where_its_link_leads(tmp_path: Path) -> None:
    """A folder cannot take the name of a link."""
    (tmp_path / "link").symlink_to("model")
    for _ in range(2):
        assert find_folder(tmp_path / "link") == tmp_path / "model"
        assert find_folder(tmp_path / "model") == tmp_path / "model"
        (tmp_path / "model").mkdir(exist_ok=True)
