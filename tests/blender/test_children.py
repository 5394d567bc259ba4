"""Child processes that die leave a log that is quoted; those that take long don't block the window."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import bpy
import pytest
from rooms import ADDON


def module(name):
    return getattr(ADDON, name)


@pytest.fixture
def task(store, addon, tmp_path):
    """Begins a task whose child is a program of the test's."""

    def begin(program):
        path = tmp_path / "program.py"
        path.write_text(program)
        child = module("child").Child(Path(sys.executable), [str(path)], "test")
        return module("tasks").Task(child, "Trying", lambda child: child.death("The trial"))

    yield begin
    addon.activity.end()
    addon.activity.dismiss()


def failure(core, work):
    with pytest.raises(core.errors.BendError) as raised:
        work()
    return raised.value


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.write(2, b'at work'); os.kill(os.getpid(), 9)", ("SIGKILL", "memory ran out", "at work")),
        ("import nothing_like_it", ("A package is missing", "No module named 'nothing_like_it'")),
        ("import sys; sys.stderr.write('line\\n' * 900_000); sys.exit('the end')", ("exit code 1", "the end")),
        ("print('[' * 3_000_000); raise SystemExit('no answer')", ("no answer",)),
        ("import sys; sys.exit('in ' + __import__('os').path.expanduser('~/films'))", ("in ~/films",)),
    ],
    ids=["killed", "import", "megabytes", "a long line", "private"],
)
def test_a_child_that_dies_is_quoted_and_its_log_is_kept_short(task, core, addon, program, words):
    error = failure(core, task(program).wait)
    assert error.code == core.errors.Code.ENGINE_DIED and all(word in error.message for word in words), error
    file = module("log_files").path("test")
    assert file.name in error.hint and file.stat().st_size <= 1 << 20
    assert str(Path.home()) + os.sep not in str(error)
    assert module("log_files").about(addon.activity.last_failure) == file
    assert bpy.ops.bend.show_log() == {"FINISHED"}
    assert addon.activity.last_failure is error


def test_a_token_for_an_engine_that_has_died_gives_words(store, core, tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import os, sys\nos.close(0)\nprint('{}', flush=True)\nsys.exit('I will not')")
    child = module("child").Child(Path(sys.executable), [str(path)], "test")
    child.poll(wait=True)  # its end of the pipe is closed
    error = failure(core, lambda: child.say("hf_secret_token"))
    assert error.code == core.errors.Code.ENGINE_DIED and "I will not" in error.message
    assert "hf_secret" not in str(error)
    child.stop()


def test_requests_to_an_engine_that_has_died_all_end_in_the_same_words(store, addon, core, tmp_path):
    program = tmp_path / "engine"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write('no driver here')\nsys.exit(1)\n")
    program.chmod(0o755)
    addon.engine_client.forgive()
    addon.preferences.preferences().engine_python = str(program)
    client = addon.engine_client.client()
    requests = [client.request("render", job="x" * 100_000) for _ in range(5)]
    client.process.wait(60)
    requests += [client.request("hello")]
    requests[0].cancel()
    try:
        for request in requests[1:]:
            error = failure(core, request.result)
            assert error.code == core.errors.Code.ENGINE_DIED and "no driver here" in error.message
            assert "engine-" in error.hint
        assert failure(core, requests[0].result).code in {core.errors.Code.CANCELLED, core.errors.Code.ENGINE_DIED}
    finally:
        addon.preferences.preferences().engine_python = ""
        addon.engine_client.shut_down()
        addon.engine_client.forgive()


def test_a_doctor_that_does_not_answer_is_quoted(store, addon, tmp_path):
    program = tmp_path / "engine"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('wrong libc')\n")
    program.chmod(0o755)
    addon.preferences.preferences().engine_python = str(program)
    health = module("health")
    try:
        assert health.Examination().take_in(wait=True)
        assert "wrong libc" in health.found[0].what and health.found[0].action == "bend.set_up_engine"
    finally:
        addon.preferences.preferences().engine_python = ""
        health.found.clear()


def ticks(run, addon):
    """Follow a task as Blender's timer does; how often it was looked at."""
    looks = 1
    while run.tick() is not None:
        looks += 1
        time.sleep(0.01)
    assert addon.activity.current is None
    return looks


@pytest.mark.parametrize("what", ["remove", "log out", "delete"])
def test_what_is_removed_is_removed_beside_blenders_work(store, addon, monkeypatch, what, tmp_path):
    """Nothing waits for the child: the task is shown, and its end is seen by looking."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    setup, library = module("engine_setup"), module("model_library")
    begin = {"remove": setup.remove, "log out": library.log_out, "delete": lambda: library.delete("owner/nothing")}
    addon.engine_client.shut_down()
    waits = []
    process = module("child").subprocess.Popen
    wait = process.wait

    def note(self, timeout=None):
        if threading.current_thread() is threading.main_thread():
            waits.append(self.args)
        return wait(self, timeout)

    monkeypatch.setattr(process, "wait", note)
    run = begin[what]()
    assert waits == [] and addon.activity.current is run.shown and run.shown.text()
    monkeypatch.undo()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert not bpy.ops.bend.remove_engine.poll(), "one thing at a time"
    assert ticks(run, addon) > 1
    failed = addon.activity.last_failure
    assert (failed is not None) == (what == "delete"), failed
    addon.activity.dismiss()
