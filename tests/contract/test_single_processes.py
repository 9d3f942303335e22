"""What one process promises by itself: how it starts, what it loads, how it ends and what kills it."""

import subprocess
import sys
from pathlib import Path

import remedy
from remediation.settings import environ
from remedy.runtime.failures import ExitCode

REPOSITORY = Path(__file__).parents[2]
HEAVY = ["httpx2", "pydantic", "redis", "rich", "starlette", "cryptography", "ruamel.yaml", "arq", "jira", "pysnow"]
SIGKILLED = -9


def test_killing_is_a_kill_that_nothing_can_catch() -> None:
    program = """
from remediation.failpoints import failpoint, turn_on
turn_on("link_written=kill@2")
failpoint("link_written")
print("alive", flush=True)
try:
    failpoint("link_written")
finally:
    print("never")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (SIGKILLED, "alive\n")


def test_a_receiver_with_the_variable_alone_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "remedy", "run", "receiver"],
        env={**environ(), "REMEDY_FAILPOINTS": "stored=kill"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "REMEDY_FAILPOINTS" in done.stderr
    assert "ALLOW_FAILPOINTS" in done.stderr


def test_the_end_of_a_process_waits_for_no_thread() -> None:
    """What cannot be given up, such as looking up a name, ends with the process."""
    program = (
        "import asyncio, io, time\n"
        "from remediation.domain.errors import TryLater\n"
        "from remediation.trackers.threads import Threads\n"
        "async def main():\n"
        "    threads = Threads('helpdesk', io.BytesIO, size=1, deadline=0.1)\n"
        "    try: await threads.call(lambda _: time.sleep(30))\n"
        "    except TryLater: print('given up')\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "given up\n"


def test_sigterm_ends_a_command_by_way_of_its_cleaning_up() -> None:
    program = """
import sys, click
from remedy.main import COMMANDS, main

@click.command
def waiting():
    try:
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        print("cleaned up", flush=True)

COMMANDS["waiting"] = ("__main__:waiting", "Wait.")
main(["waiting"])
"""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.readline() == "cleaned up\n"
        assert process.wait() == ExitCode.TERMINATED


def test_help_loads_none_of_the_heavy_libraries() -> None:
    program = f"""
import sys
from remedy.main import main
try:
    main(["--help"])
finally:
    print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("loaded: []\n")


def test_the_command_says_so_before_it_imports_anything_that_such_a_python_lacks() -> None:
    script = "import sys; sys.version_info = (3, 10, 1, 'final', 0); import remedy.main"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == remedy.unsuitable((3, 10)) + "\n"
