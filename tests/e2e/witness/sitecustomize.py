"""Python imports this at start-up where its folder is on PYTHONPATH: every attempt to leave this machine is written to
the file $WITNESS and refused. Processes that are started from there have it too.
"""

import errno
import ipaddress
import os
import sys

_ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKED_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
_FILE = os.environ["WITNESS"]


def _is_local(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(text).split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in _ADDRESSED:
        target = arguments[1]
        host = target[0] if isinstance(target, tuple) else None  # anything else is a file, or where one is connected to
    elif event in _LOOKED_UP:
        target = host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
    else:
        return
    if not _is_local(host):
        with open(_FILE, "a") as file:  # noqa: PTH123 pathlib need not be imported by what is watched
            file.write(f"{event} {target} by {' '.join(getattr(sys, 'argv', []))}\n")
        raise OSError(errno.ENETUNREACH, "refused by the test")


sys.addaudithook(_watch)
