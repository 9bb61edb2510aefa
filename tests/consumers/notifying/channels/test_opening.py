"""The file of channels: what is opened, who gets which alert, and what is refused."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from consumers.notifying.channels.opening import Route, open_routes
from sentiment.errors import ConfigurationError
from sentiment.settings import NotifySettings, load_settings
from tests.consumers.notifying.receiver import receiver
from tests.consumers.notifying.support import batch, changed, handler, outcomes
from tests.consumers.results import START
from tests.processes import run, sentiment


def settings(folder: Path, text: str, *, console: bool = False) -> NotifySettings:
    """Settings with a file of channels; DIR in the text stands for its folder, in which `secret` is a file."""
    file, secret = folder / "channels.toml", folder / "secret"
    secret.write_text("https://example.org/a-secret-address\n")
    secret.chmod(0o600)
    file.write_text(text.replace("DIR", str(folder)))
    return load_settings(None, {"notify": {"channels_file": file, "console": console}}).notify


def opened(notify: NotifySettings, *only: str) -> list[Route]:
    with open_routes(notify, io.StringIO(), only) as routes:
        return routes


EVERY_KIND = """
[chat]
kind = "slack"
url_file = "DIR/secret"
[card]
kind = "teams"
url_file = "DIR/secret"
[games]
kind = "discord"
url_file = "DIR/secret"
[pager]
kind = "pagerduty"
key_file = "DIR/secret"
[genie]
kind = "opsgenie"
key_file = "DIR/secret"
[manager]
kind = "alertmanager"
url = "http://alertmanager:9093"
token_file = "DIR/secret"
[mail]
kind = "email"
host = "smtp.example.org"
user = "me"
password_file = "DIR/secret"
sender = "a@example.org"
to = ["b@example.org"]
[ours]
kind = "webhook"
url = "https://example.org/hook"
secret_file = "DIR/secret"
"""


def test_every_kind_opens_under_its_name(tmp_path: Path) -> None:
    """Beside the console; and alone, if only it is asked for."""
    notify = settings(tmp_path, EVERY_KIND, console=True)
    names = [route.channel.name for route in opened(notify)]
    assert names == ["console", "chat", "card", "games", "pager", "genie", "manager", "mail", "ours"]
    assert [route.channel.name for route in opened(notify, "mail", "chat")] == ["chat", "mail"]


def test_a_channel_gets_what_its_route_takes(tmp_path: Path) -> None:
    """By severity and segment. What it does not get is neither delivered nor parked."""
    given = [
        changed(alert_id="1", segment="checkout"),
        changed(alert_id="2", segment="checkout", severity="warning"),
        changed(alert_id="3", segment="cart"),
        changed("resolved", alert_id="4", segment="checkout", severity="warning"),
        changed("resolved", alert_id="5", segment="checkout"),
    ]
    rules = 'severities = ["critical"]\nsegments = ["check*"]'
    with receiver() as there, ExitStack() as stack:
        notify = settings(tmp_path, f'[pager]\nkind = "webhook"\nurl = "{there.url}"\n{rules}\n')
        made = handler(*stack.enter_context(open_routes(notify, io.StringIO())))
        made.handle(batch(*given), START)
        assert [json.loads(body)["alert_id"] for _, body in there.requests] == ["1", "5"]
        assert outcomes(made, "pager") == {"delivered": 2.0}


def test_an_episode_that_got_worse_ends_where_it_began(tmp_path: Path) -> None:
    """A channel for warnings hears of the end of what became critical, or its incident would stay open."""
    text = '[chat]\nkind = "slack"\nurl_file = "DIR/secret"\nseverities = ["warning"]\n'
    [route] = opened(settings(tmp_path, text))
    assert route.takes(changed("resolved", severity="critical"))
    assert not route.takes(changed(severity="critical"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[a]\nkind = "fax"\n', "fax|kind"),
        ('[a]\nkind = "slack"\n', "url_file"),
        ('[A b]\nkind = "slack"\n', "TOML"),
        ('["A b"]\nkind = "slack"\nurl_file = "DIR/secret"\n', "A b"),
        ('[webhook]\nkind = "slack"\nurl_file = "DIR/secret"\n', "webhook is taken"),
        ('[a]\nkind = "slack"\nurl_file = "DIR/none"\n', "cannot read url_file of the channel a: .*none: No such file"),
        ('[a]\nkind = "pagerduty"\nkey_file = "DIR/secret"\nurl = "ftp://x"\n', "channel a is not an HTTP"),
        ('[a]\nkind = "alertmanager"\nurl = "http://169.254.169.254"\n', "link-local"),
        ('[a]\nkind = "slack"\nurl_file = "DIR/secret"\nseverities = ["loud"]\n', "severities"),
        ('[a]\nkind = "slack"\nurl_file = "DIR/secret"\ncolour = "red"\n', "colour"),
        ('[a]\nkind="email"\nhost="h"\nsender="a@b"\nto=["c@d"]\nuser="u"\n', "belong together"),
        (
            '[a]\nkind="email"\nhost="h"\nsender="a@b"\nto=["c@d"]\nuser="u"\npassword_file="DIR/secret"\ntls="none"\n',
            "needs tls",
        ),
        ('[a]\nkind="email"\nhost="h"\nsender="a@b\\nBcc: x@y"\nto=["c@d"]\n', "sender"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_shown(tmp_path: Path, text: str, says: str) -> None:
    """The channel, the field, and not what is in the files."""
    with pytest.raises(ConfigurationError, match=says) as refused:
        opened(settings(tmp_path, text))
    assert "a-secret-address" not in str(refused.value)


def test_a_channel_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="no channel b") as refused:
        opened(settings(tmp_path, '[a]\nkind = "slack"\nurl_file = "DIR/secret"\n'), "b")
    assert refused.value.hint == "configured: a"


def test_a_test_alert_says_what_the_receiver_answered(tmp_path: Path) -> None:
    """Both go out and exit code 0; or the reason and exit code 1."""
    with receiver(200, 200, 404) as there:
        there.answers = [b"", b"", b"no such hook"]
        notify = settings(tmp_path, f'[ours]\nkind = "webhook"\nurl = "{there.url}"\n')
        variables = {"SENTIMENT_NOTIFY__CHANNELS_FILE": str(notify.channels_file)}
        took = run(sentiment("notify", "--test", "ours"), variables)
        assert took.returncode == 0, took.stderr
        assert [json.loads(body)["status"] for _, body in there.requests] == ["firing", "resolved"]
        refused = run(sentiment("notify", "--test", "ours"), variables)
        assert refused.returncode == 1
        assert "channel ours did not take the test alert (misconfigured: HTTP 404: no such hook)" in refused.stderr
