"""Times that a gRPC client can put on the wire."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.errors import DarkroomError
from services.platform.rpc.moments import moment


@pytest.mark.parametrize(("seconds", "nanos"), [(253402300800, 0), (-62135596801, 0), (2**63 - 1, 0), (-(2**63), 0), (0, -1), (0, 10**9)])
def test_a_time_that_no_calendar_has_is_refused(seconds: int, nanos: int) -> None:
    with pytest.raises(DarkroomError, match="9999") as raised:
        moment(Timestamp(seconds=seconds, nanos=nanos), "deadline")
    assert raised.value.field == "deadline"


@pytest.mark.parametrize(("seconds", "year"), [(253402300799, 9999), (-62135596800, 1)])
def test_the_first_and_the_last_are_taken(seconds: int, year: int) -> None:
    assert moment(Timestamp(seconds=seconds, nanos=999_999_999), "deadline").year == year
