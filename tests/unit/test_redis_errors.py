"""What an error of Redis means to a connection: to dial anew, or not."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from remediation.domain.errors import StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.store.server.connection import ServedElsewhere, open_pool, passing_errors


def raised(reply: str) -> Exception:
    """What an error reply becomes on a connection of our pool."""
    address = RedisAddress.parse("redis://127.0.0.1:1/0")
    parser = open_pool(address, socket_timeout=1.0, retries=0).connection_kwargs["parser_class"]
    error: Exception = parser.parse_error(reply)
    return error


@pytest.mark.parametrize(
    "reply",
    [
        "READONLY You can't write against a read only replica.",
        "READONLY You can't write against a read only replica. script: 5bd9, on @user_script:12.",
        "ERR Error running script (call to f_5bd9): @user_script:1: -READONLY You can't write against a replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "CLUSTERDOWN The cluster is down",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "LOADING Redis is loading the dataset in memory",
    ],
)
def test_a_server_that_is_not_the_one_to_ask_is_left_for_a_new_connection(reply: str) -> None:
    error = raised(reply)
    assert isinstance(error, ServedElsewhere)
    assert isinstance(error, RedisConnectionError), "redis-py dials again after such an error"
    with pytest.raises(StoreUnavailable), passing_errors():
        raise error


@pytest.mark.parametrize("reply", ["OOM command not allowed when used memory > 'maxmemory'.", "BUSY Redis is busy"])
def test_what_passes_on_the_same_server_keeps_its_connection(reply: str) -> None:
    error = raised(reply)
    assert not isinstance(error, RedisConnectionError)
    with pytest.raises(StoreUnavailable), passing_errors():
        raise error


@pytest.mark.parametrize(
    "reply", ["ERR unknown command 'X'", "WRONGTYPE Operation against a key", "ERR the word READONLY in an argument"]
)
def test_an_error_of_ours_stays_one(reply: str) -> None:
    error = raised(reply)
    with pytest.raises(ResponseError), passing_errors():
        raise error
