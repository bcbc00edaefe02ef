"""report --watch: the page follows the store, on this machine alone, and ends when asked to."""

import http.client
import re
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from stored import instance, record

from toolkit.bench.__main__ import main
from toolkit.bench._store import Store, _reader
from toolkit.bench._verbs._report import read_report
from toolkit.bench._verbs._report_server import Served, serve
from toolkit.bench._verbs._watch import Maker
from toolkit.reports.contents import contents_of


@pytest.fixture
def server():
    served = Served()
    served.put(b"<p>page</p>", "v1")
    with serve(served, 0) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def asked(server, path="/", method="GET", host=None):
    """Status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    for name in host.split() if host is not None else [f"127.0.0.1:{server.server_port}"]:
        connection.putheader("Host", name)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_it_serves_one_page_and_its_version(server):
    status, headers, body = asked(server)
    assert (status, body) == (200, b"<p>page</p>")
    assert headers["Cache-Control"] == "no-store"
    assert asked(server, "/version?x=1")[2] == b"v1"
    status, headers, body = asked(server, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "11", b"")
    assert asked(server, host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("path", ["/../etc/passwd", "/tables/", "/version/x"])
def test_there_is_nothing_else(server, path):
    assert asked(server, path)[0] == 404


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "evil.example:80"])
def test_another_name_is_refused(server, host):
    """A foreign page whose name was made to lead here."""
    status, _, body = asked(server, host=host)
    assert status == 403
    assert b"page" not in body


def test_two_names_are_refused_and_capitals_are_not(server):
    good = f"127.0.0.1:{server.server_port}"
    assert asked(server, host=f"{good} evil.example")[0] == 403
    assert asked(server, host=f"LocalHost:{server.server_port}")[0] == 200


def test_nothing_can_be_sent_to_it(server):
    assert asked(server, method="POST")[0] == 501


def test_only_this_machine_reaches_it(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_one_sentence(server, tmp_path, capsys):
    flags = ["report", str(tmp_path / "x.sqlite"), "--watch", "--port"]
    assert main([*flags, str(server.server_port)]) == 2
    assert "is taken; name another with --port" in capsys.readouterr().err
    assert main([*flags, "70000"]) == 2
    assert "it must be 0 to 65535" in capsys.readouterr().err


def test_what_is_no_store_is_not_waited_for(tmp_path, capsys):
    (tmp_path / "x.txt").write_text("text")
    assert main(["report", str(tmp_path / "x.txt"), "--watch", "--port", "0"]) == 2
    assert "is no store" in capsys.readouterr().err


def page_of(served):
    """What the page says, without its tags."""
    return re.sub("<[^>]*>", "", served.answer("/")[1].decode().partition("<main")[2])


def test_the_page_follows_the_store(tmp_path):
    """Waiting, a run, a second one while the writer still holds the store, a run replaced."""
    served, path = Served(), tmp_path / "runs.sqlite"
    maker = Maker(path, lambda store: contents_of(read_report(store)), served)
    versions = [served.answer("/version")[1]]

    def refreshed():
        maker.refresh()
        versions.append(served.answer("/version")[1])
        return page_of(served)

    assert "Waiting for the store runs.sqlite" in refreshed()
    with Store(path) as store:
        store.add(record("a", label="zz-one"), instance())
        found = refreshed()
        assert "zz-one" in found
        assert "Waiting" not in found
        store.add(record("b", label="zz-two"), instance())
        assert "zz-two" in refreshed()
        assert len(set(versions)) == 4
        refreshed()
        assert versions[-1] == versions[-2]  # nothing has come
        store.add(record("b", label="zz-three"), instance())
        found = refreshed()
        assert "zz-three" in found
        assert "zz-two" not in found
    assert versions[-1].decode() in served.answer("/")[1].decode()  # the page knows its version


def test_a_page_that_cannot_be_made_says_so_and_is_made_again(tmp_path):
    served, path = Served(), tmp_path / "runs.sqlite"
    broken = [True]

    def make(store):
        if broken:
            raise ZeroDivisionError(broken.pop())
        return contents_of(read_report(store))

    maker = Maker(path, make, served)
    with Store(path) as store:
        store.add(record("a"), instance())
        maker.refresh()
        assert "cannot be made (ZeroDivisionError" in page_of(served)
        store.add(record("b", label="other"), instance())
        maker.refresh()
        assert "other" in page_of(served)


def test_a_store_that_was_locked_is_looked_at_again(tmp_path, monkeypatch):
    """A lock that is given up leaves no trace in the files."""
    monkeypatch.setattr(_reader, "PATIENCE", 0.01)
    served, path = Served(), tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.add(record("a", label="zz-one"), instance())
    maker = Maker(path, lambda store: contents_of(read_report(store)), served)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    maker.refresh()
    assert "locked" in page_of(served)
    version = served.answer("/version")
    maker.refresh()
    assert served.answer("/version") == version  # the same is not told twice
    other.close()
    maker.refresh()
    assert "zz-one" in page_of(served)


def heeding():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_it_tells_its_address_and_ends_well(tmp_path):
    command = [sys.executable, "-m", "toolkit.bench", "report", str(tmp_path / "x.sqlite")]
    with subprocess.Popen(
        [*command, "--watch", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding,  # tests that run in the background ignore it, and so would the child
    ) as child:
        line = child.stdout.readline().decode()
        assert line.startswith("http://127.0.0.1:")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, b"Ended.\n", b"")
