"""`remedy sandbox` as a command: what it says where it cannot run, and what it prints for the shell."""

import os
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from remedy.main import main
from remedy.sandbox.command import _lines

COMMAND = [sys.executable, "-m", "remedy", "sandbox"]


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run([*COMMAND, "--jira-port", str(port)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == f"error: remedy sandbox: port {port} cannot be listened on: Address already in use\n"


def test_whoever_reads_only_its_first_lines_is_told_of_no_port() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run(COMMAND, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_token_of_each_district_is_a_variable_that_a_shell_takes() -> None:
    exports = [line.split()[1] for line in _lines({}, ("lakeside", "north-lake")) if line.startswith("  export ")]
    assert "SCHOOLSCAN_TOKEN_NORTH_LAKE=test-only-schoolscan-token-north-lake" in exports
    assert all(each.partition("=")[0].isidentifier() for each in exports)


@pytest.mark.parametrize("name", ["North", "north_lake", "a b", ""])
def test_what_no_district_can_be_called_is_refused(name: str) -> None:
    refused = CliRunner().invoke(main, ["sandbox", "--district", name])
    assert (refused.exit_code, "it is no name of a district" in refused.stderr) == (2, True)
