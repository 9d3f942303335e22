from hypothesis import given
from hypothesis import strategies as st

from console.people.form_tokens import is_masked, masked
from remediation.store.console.sessions import new_token

TOKEN = new_token()


def test_a_token_is_written_differently_each_time_and_always_known_again() -> None:
    written = {masked(TOKEN) for _ in range(50)}
    assert len(written) == 50
    assert all(is_masked(each, TOKEN) for each in written)
    assert not any(TOKEN in each for each in written)


def test_the_token_of_another_session_is_not_taken() -> None:
    assert not is_masked(masked(new_token()), TOKEN)


@given(st.text(max_size=200))
def test_whatever_is_sent_instead_is_refused(sent: str) -> None:
    assert not is_masked(sent, TOKEN)


def test_an_empty_token_is_nobody_s() -> None:
    assert not is_masked("", "")
    assert not is_masked(masked(""), "")


def test_the_token_without_its_mask_is_refused() -> None:
    assert not is_masked(TOKEN, TOKEN)
