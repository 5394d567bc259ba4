"""What Blender does about an engine of another version, a silent one, one that keeps dying, and one that idles."""

from __future__ import annotations

import importlib
import os
import sys
import time

import pytest
from timeline import MODULE

#: What the engines of these tests are: programs that say what no real engine says.
ENGINE = """#!{python}
import json, os, signal, sys, time

def say(kind, request="", v=1, **data):
    print(json.dumps({{"v": v, "id": request, "type": kind, "data": data}}), flush=True)

def read():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)["id"]

"""


@pytest.fixture
def client(store, addon):
    addon.engine_client.shut_down()
    addon.engine_client.forgive()
    yield addon.engine_client.client
    addon.engine_client.shut_down()
    addon.engine_client.forgive()


@pytest.fixture
def version():
    return importlib.import_module(f"{MODULE}.blender_bend.core.version").VERSION


@pytest.fixture
def engine_is(client, addon, tmp_path):
    """Makes a program the engine."""

    def choose(story):
        path = tmp_path / f"engine {len(list(tmp_path.iterdir()))}"
        path.write_text(ENGINE.format(python=sys.executable) + story)
        path.chmod(0o755)
        addon.preferences.preferences().engine_python = str(path)

    return choose


def failure(core, request):
    with pytest.raises(core.errors.BendError) as raised:
        request.result()
    return raised.value


def test_the_engine_says_at_once_which_bend_it_is(client, version):
    running = client()
    assert running.request("hello").result()["pid"] == running.process.pid
    assert running.alive


def test_an_engine_of_another_bend_is_refused(client, engine_is, core, version):
    engine_is("say('alive', bend='0.0.1')\nheard()\ntime.sleep(600)\n")
    error = failure(core, client().request("hello"))
    assert error.code == core.errors.Code.ENGINE_VERSION
    assert "0.0.1" in str(error) and version in str(error) and "Restart Blender" in str(error)
    assert client().process.poll() is None, "the next request starts another one"


def test_an_engine_of_another_protocol_is_refused(client, engine_is, core):
    engine_is("say('done', read(), v=99)\ntime.sleep(600)\n")
    running = client()
    error = failure(core, running.request("hello"))
    assert error.code == core.errors.Code.ENGINE_VERSION
    assert running.process.wait(60) is not None


def test_an_engine_that_falls_silent_is_ended(client, engine_is, addon, core, monkeypatch):
    monkeypatch.setattr(addon.engine_client, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(addon.engine_client, "WATCH_SECONDS", 0.1)
    engine_is("read()\ntime.sleep(600)\n")
    running = client()
    error = failure(core, running.request("hello"))
    assert error.code == core.errors.Code.ENGINE_DIED and "hasn't responded" in str(error)
    assert running.process.wait(60) is not None


def test_an_engine_that_says_that_it_is_there_is_waited_for(client, engine_is, addon, monkeypatch, version):
    monkeypatch.setattr(addon.engine_client, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr(addon.engine_client, "WATCH_SECONDS", 0.1)
    engine_is(
        "request = read()\n"
        f"for _ in range(30):\n    say('alive', bend={version!r})\n    time.sleep(0.2)\n"
        "say('done', request, answer=42)\nheard()\n"
    )
    assert client().request("hello").result() == {"answer": 42}


def test_late_and_foreign_messages_are_dropped(client, engine_is):
    engine_is(
        "first = read()\n"
        "say('done', 'nobody', answer=1)\nsay('frame', '', number=1)\nprint('hello', flush=True)\n"
        "say('done', first, answer=2)\nsay('error', first, code='internal', message='late')\n"
        "second = read()\nsay('phase', first, text='later')\nsay('done', second, answer=3)\nheard()\n"
    )
    first = client().request("hello")
    assert first.result() == {"answer": 2}
    second = client().request("hello")
    assert second.result() == {"answer": 3}
    assert first.poll() == second.poll() == []


@pytest.mark.parametrize(
    ("story", "words", "action"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV.*crashed in a library", "bend.show_log"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL.*memory ran out.*smaller", "bend.open_preferences"),
        ("os.kill(os.getpid(), signal.SIGILL)", "SIGILL.*different kind of CPU", "bend.set_up_engine"),
        ("raise MemoryError", "exit code 1.*Out of memory", "bend.open_preferences"),
        ("import no_such_package", "No module named 'no_such_package'", "bend.set_up_engine"),
        ("sys.exit('the last words')", "exit code 1.*the last words", "bend.show_log"),
        ("os.close(1)\ntime.sleep(600)", "has closed its pipe", "bend.show_log"),
    ],
)
def test_a_death_is_told_with_its_likely_cause(story, words, action, client, engine_is, core):
    engine_is(f"read()\n{story}\n")
    with pytest.raises(core.errors.BendError, match=f"(?s){words}") as raised:
        client().request("hello").result()
    assert (raised.value.code, raised.value.action) == (core.errors.Code.ENGINE_DIED, action)


def test_an_engine_that_keeps_dying_is_left_alone_until_somebody_looks(client, engine_is, addon, core, monkeypatch):
    engine_is("if 'serve' in sys.argv:\n    read()\nsys.exit(1)\n")
    for _ in range(3):
        failure(core, client().request("hello"))
    with pytest.raises(core.errors.BendError, match="can be started again in"):
        client()
    monkeypatch.setattr(addon.engine_client.restarts, "not_before", 0.0)
    monkeypatch.setattr(importlib.import_module(f"{MODULE}.blender_bend.core.process.restarts"), "FIRST_SECONDS", 0.0)
    for _ in range(5):
        failure(core, client().request("hello"))
    with pytest.raises(core.errors.BendError, match="8 times in a row") as raised:
        client()
    assert raised.value.action == "bend.check_engine"
    importlib.import_module(f"{MODULE}.blender_bend.addon.process.health").Examination().take_in(wait=True)
    failure(core, client().request("hello"))


def test_an_idle_engine_is_ended_and_the_next_request_starts_another(client, addon, core):
    running = client()
    running.request("hello").result()
    assert addon.engine_client.rest_if_idle() == addon.engine_client.IDLE_CHECK_SECONDS
    addon.preferences.preferences().idle_minutes = 1
    running.last_use -= 61
    assert addon.engine_client.rest_if_idle() is None
    assert not addon.engine_client.running()
    assert running.process.returncode == 0
    assert client().request("hello").result()["pid"] != running.process.pid


def test_an_engine_at_work_is_not_idle(client, engine_is, addon):
    engine_is("read()\ntime.sleep(600)\n")
    running = client()
    request = running.request("hello")
    running.last_use -= 3600
    assert addon.engine_client.rest_if_idle() is not None
    assert running.alive and not request.ended


def test_requests_of_an_engine_that_is_shut_down_are_cancelled(client, engine_is, addon, core):
    engine_is("read()\ntime.sleep(600)\n")
    request = client().request("hello")
    addon.engine_client.shut_down()
    assert failure(core, request).code == core.errors.Code.CANCELLED


def test_old_logs_of_other_blenders_are_removed(client, addon):
    folder = addon.engine_client.log_file().parent
    old, young = folder / "engine-1.log", folder / "engine-2.log"
    for path in (old, young):
        path.write_text("said")
    week_ago = time.time() - 8 * 86400
    os.utime(old, (week_ago, week_ago))
    client()
    assert not old.exists() and young.exists()
    young.unlink()


def test_requests_to_one_engine_are_told_apart(client, engine_is):
    engine_is("first, second = read(), read()\nsay('done', second, n=2)\nsay('done', first, n=1)\nheard()\n")
    first, second = client().request("hello"), client().request("hello")
    assert (first.result(), second.result()) == ({"n": 1}, {"n": 2})


def test_an_engine_that_does_not_heed_a_cancel_is_ended(client, engine_is, addon, core, monkeypatch, version):
    monkeypatch.setattr(addon.engine_client, "UNRESPONSIVE_SECONDS", 0.5)
    monkeypatch.setattr(addon.engine_client, "WATCH_SECONDS", 0.1)
    engine_is(f"read()\nfor _ in range(600):\n    say('alive', bend={version!r})\n    time.sleep(0.1)\n")
    running = client()
    cancelled, waiting = running.request("hello"), running.request("hello")
    time.sleep(1.5)
    assert running.alive, "nothing was cancelled"
    cancelled.cancel()
    assert failure(core, cancelled).code == core.errors.Code.CANCELLED
    error = failure(core, waiting)
    assert error.code == core.errors.Code.ENGINE_DIED and "Cancel" in str(error)
    assert running.process.wait(60) is not None
    for _ in range(10):  # which is no death of its own: the next starts at once, however often
        running = client()
        running.request("hello").cancel()
        assert running.process.wait(60) is not None
        while running.alive:
            time.sleep(0.05)


def test_an_engine_that_heeds_a_cancel_lives_on(client, engine_is, addon, core, monkeypatch, version):
    monkeypatch.setattr(addon.engine_client, "UNRESPONSIVE_SECONDS", 1.0)
    monkeypatch.setattr(addon.engine_client, "WATCH_SECONDS", 0.1)
    engine_is(
        "first = read()\nassert read() == first\nsay('cancelled', first, code='cancelled', message='Cancelled.')\n"
        f"for _ in range(20):\n    say('alive', bend={version!r})\n    time.sleep(0.1)\n"
        "say('done', read(), answer=3)\nheard()\n"
    )
    running = client()
    request = running.request("hello")
    request.cancel()
    assert failure(core, request).code == core.errors.Code.CANCELLED
    assert running.request("hello").result() == {"answer": 3}


@pytest.mark.parametrize(
    ("kind", "story", "missing"),
    [
        ("measure", "say('done', read())", "'out' is missing in the message 'done'"),
        ("embed", "say('done', read(), out=3)", "'out' is not text in the message 'done'"),
        ("render", "say('done', read(), rendered=1)", "'batch' is missing in the message 'done'"),
        ("speeds", "say('done', read())", "'speeds' is missing in the message 'done'"),
        ("render", "say('error', read(), hint='none')", "'code' is missing in the message 'error'"),
    ],
)
def test_an_ending_that_lacks_something_is_an_error_of_its_name(kind, story, missing, client, engine_is, core):
    engine_is(f"{story}\nheard()\n")
    error = failure(core, client().request(kind))
    assert error.code == core.errors.Code.MESSAGE_INVALID and missing in error.message


def test_news_that_lack_something_are_left_out(client, engine_is):
    engine_is(
        "first = read()\nsay('phase', first)\nsay('frame', first, number=1)\nsay('phase', first, text='on')\n"
        "say('done', first, rendered=1, batch=1)\nheard()\n"
    )
    request, news = client().request("render"), []
    while not request.ended:
        news.append(request.wait().type)
    assert news == ["phase", "done"]
