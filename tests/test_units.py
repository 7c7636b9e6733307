"""One grammar for quantities, both ways."""

import math
import re
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nasmyth.errors import UnitError
from nasmyth.units import BYTES, COUNT, FRACTION, JOULES, SECONDS, Spend, is_whole, quantity, show, spend, unsigned

KNOWN = [
    ("8ms", SECONDS, 0.008), ("8 ms", SECONDS, 0.008), ("90s", SECONDS, 90), ("2h", SECONDS, 7200), ("5m", SECONDS, 300),
    ("5min", SECONDS, 300), ("1d", SECONDS, 86400), ("1h30m", SECONDS, 5400), ("1 h 30 min", SECONDS, 5400),
    ("3µs", SECONDS, 3e-6), ("3us", SECONDS, 3e-6), ("2ns", SECONDS, 2e-9), ("1.5e-3s", SECONDS, 1.5e-3),
    ("3M", COUNT, 3e6), ("3e6", COUNT, 3e6), ("10k", COUNT, 1e4), ("10K", COUNT, 1e4), ("1_000", COUNT, 1000),
    ("2B", COUNT, 2e9), (".5G", COUNT, 5e8), ("-7", COUNT, -7), ("+7", COUNT, 7),
    ("200kB", BYTES, 2e5), ("64MB", BYTES, 6.4e7), ("1KiB", BYTES, 1024), ("2MiB", BYTES, 2**21), ("1GiB", BYTES, 2**30),
    ("3J", JOULES, 3), ("20mJ", JOULES, 0.02), ("95%", FRACTION, 0.95), ("0.95", FRACTION, 0.95), ("4", "raw", 4),
    ("4raw", "raw", 4),
]  # fmt: skip


@pytest.mark.parametrize("text, unit, value", KNOWN)
def test_reads(text, unit, value):
    assert quantity(text, unit) == value


@pytest.mark.parametrize("number", [3, 3.5, 0, -1])
def test_numbers_pass_through(number):
    assert quantity(number, SECONDS) == number and type(quantity(number, SECONDS)) is float


@pytest.mark.parametrize(
    "text, unit, said",
    [
        ("8xs", SECONDS, "did you mean"), ("8", SECONDS, "has no unit"), ("8", BYTES, "'200kB'"),
        ("3Q", COUNT, "known here"),
        ("3MB", COUNT, "'M'"), ("3mb", BYTES, "'MB'"), ("fast", SECONDS, "'8ms'"), ("", COUNT, "'3M'"),
        ("1..2", COUNT, "unknown unit"),
        (True, COUNT, "write a number"), ("1e", COUNT, "unknown unit"), ("nan", COUNT, "cannot read"),
        ("--3", COUNT, "cannot read"),
    ],
)  # fmt: skip
def test_refuses_and_suggests(text, unit, said):
    with pytest.raises(UnitError, match=re.escape(said)):
        quantity(text, unit)


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (0.0081, "s", "8.1 ms"), (2_950_000, "", "2.95M"), (200_000, "B", "200 kB"), (0, "s", "0 s"), (0, "", "0"),
        (0, "J", "0 J"), (999_999, "", "1M"), (0.9999999, "s", "1 s"), (9260, "", "9.26k"), (119.6, "s", "120 s"),
        (7260, "s", "2 h 1 min"), (-7260, "s", "-2 h 1 min"), (150, "s", "2 min 30 s"), (0.98251, "1", "0.9825"),
        (math.inf, "s", "inf s"), (math.nan, "", "nan"), (-2_950_000, "", "-2.95M"), (5.25, "raw", "5.25"),
        (46_264.1, "raw", "46,264"), (-1234.0, "raw", "-1,234"), (2e12, "raw", "2e+12"), (12, "", "12"),
    ],
)  # fmt: skip
def test_shows(value, unit, text):
    assert show(value, unit) == text


@pytest.mark.parametrize("unit", [COUNT, SECONDS, BYTES, JOULES, FRACTION, "raw", "furlong"])
@pytest.mark.parametrize("value", [-0.0, -1e-9, -1e-300])
def test_what_is_written_as_zero_has_no_sign(value, unit):
    text = show(value, unit)
    assert text.startswith("-") == bool(re.search(r"[1-9]", text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("-0", "0"), ("-0.00", "0.00"), ("-0 s", "0 s"), ("-0%", "0%"), ("-0.01", "-0.01"), ("-0.0e+00", "0.0e+00"),
        ("+0.00", "+0.00"), ("-inf", "-inf"), ("-07", "-07"), ("-", "-")],
)  # fmt: skip
def test_zeros_lose_their_sign_and_nothing_else_does(text, wanted):
    assert unsigned(text) == wanted


@given(st.floats(1e-8, 1e14) | st.floats(-1e14, -1e-8), st.sampled_from([COUNT, BYTES]))
def test_what_is_shown_reads_back(value, unit):
    assume(abs(value) >= 1 or unit == COUNT)
    text = show(value, unit)
    assert quantity(text, unit) == pytest.approx(value, rel=6e-3)
    assert show(quantity(text, unit), unit) == text  # showing again changes nothing more


@given(st.floats(1e-9, 1e6))
def test_times_read_back(value):
    assert quantity(show(value, SECONDS), SECONDS) == pytest.approx(value, rel=0.02)


@given(st.floats(1e-3, 1e15))
def test_three_digits_tell_the_size(value):
    """No more than three significant digits, and never 1000 of a unit that has a larger one."""
    number = re.match(r"[\d.]+", show(value, COUNT))[0]
    assert len(number.replace(".", "").lstrip("0")) <= 3 or value >= 1e12


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("2h", Spend(7200.0, None)), ("90s", Spend(90.0, None)), ("300 trials", Spend(None, 300)),
        ("1 trial", Spend(None, 1)),
        ("2h, 300 trials", Spend(7200.0, 300)), ("300 trials,2h", Spend(7200.0, 300)), (60, Spend(60.0, None)),
        ("1h30m", Spend(5400.0, None)), (Spend(1.0, 2), Spend(1.0, 2)),
    ],
)  # fmt: skip
def test_spend(text, wanted):
    assert spend(text) == wanted
    assert spend(str(spend(text))) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "write a positive time or number of trials") for text in ("0s", "-3s", "0 trials", 0, -1, math.inf)),
        *((text, "a limit is missing") for text in ("", "2h,", ",3 trials", "2h,,3 trials")),
        *((text, "sets the same limit twice") for text in ("2h, 3h", "3 trials, 4 trials")),
        ("soon", "cannot read 'soon'"), (True, "got True where a quantity is expected"),
    ],
)  # fmt: skip
def test_spend_refuses(text, why):
    with pytest.raises(UnitError, match=why):
        spend(text)


def test_no_limit_is_said():
    assert str(Spend()) == "no limit"


@pytest.mark.parametrize("length", [timedelta(minutes=5), timedelta(milliseconds=8), timedelta(days=2)])
def test_a_timedelta_is_a_duration(length):
    assert quantity(length, SECONDS) == spend(length).seconds == length.total_seconds()
    with pytest.raises(UnitError, match="where a quantity is expected"):
        quantity(length, BYTES)
    with pytest.raises(UnitError, match="write a positive time"):
        spend(-length)


@pytest.mark.parametrize("what", [None, [1], {}, object(), b"8ms", 1j, 10**400])
def test_what_is_no_quantity(what):
    for read in (quantity, spend, lambda one: quantity(one, SECONDS)):
        with pytest.raises(UnitError, match="where a quantity is expected; write a number"):
            read(what)


@pytest.mark.parametrize("text", ["²", "٣", "½ h", "1²", "² trials", "٣ trials", "1h٣m"])
def test_only_the_digits_from_0_to_9_are_digits(text):
    for read in (quantity, spend, lambda one: quantity(one, SECONDS)):
        with pytest.raises(UnitError, match="cannot read|unknown unit|has no unit"):
            read(text)


def test_whole_numbers():
    assert is_whole("0") and is_whole("0123456789")
    assert not any(map(is_whole, ("", "²", "٣", "-1", "1.0", " 1", "1_0", "9" * 5000)))
