"""Several endpoints and what is known of each: which answers, which rests after failing, which has lied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tallystick.errors import DataMismatch, L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client.http_client import L1Client
from tallystick.ports import Clock

T = TypeVar("T")
FIRST_REST_SECONDS: Final = 0.5
LONGEST_REST_SECONDS: Final = 30.0
LIE_REST_SECONDS: Final = 120.0
"""How long an endpoint caught lying is not asked; twice that the next time, up to `LONGEST_LIE_REST_SECONDS`."""
LONGEST_LIE_REST_SECONDS: Final = 3_600.0
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading an answer of another shape raises."""

Report = Callable[[str, str], None]
"""Told the endpoint and what is wrong with it; an empty text when it is well again."""


class Unusable(Exception):
    """One endpoint gave nothing that can be used; why is noted with it."""


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """One endpoint. Units: `_at` and `_until` in seconds of the monotonic clock."""

    client: L1Client
    admitted: bool = False
    failures: int = 0
    lies: int = 0
    rests_until: float = 0.0
    banned_until: float = 0.0
    problem: str = ""
    failed_claims: int = 0
    """How often it did not tell the past."""
    refuses_claims: bool = False
    """Whether it has said that it will not."""

    @property
    def name(self) -> str:
        """Return its URL as it may be shown."""
        return self.client.endpoint


class Endpoints:
    """Asks endpoints, and remembers how they fared. Not safe for threads by itself."""

    def __init__(
        self,
        clients: Sequence[L1Client],
        *,
        report: Report,
        clock: Clock,
    ) -> None:
        self.all = [Endpoint(client=client) for client in clients]
        self.disagreements = 0
        """Answers so far that were false, or other than what a quorum said."""
        self._report = report
        self._clock = clock

    def usable(self) -> list[Endpoint]:
        """Those worth asking, best first: the well ones, then those that rest after failing. Never a liar."""
        now = self._clock.monotonic()
        honest = [endpoint for endpoint in self.all if endpoint.banned_until <= now]
        return sorted(honest, key=lambda endpoint: endpoint.rests_until > now)

    def rested(self, endpoint: Endpoint) -> bool:
        """Whether it may be asked without hope being all there is."""
        return endpoint.rests_until <= self._clock.monotonic()

    def ask(self, endpoint: Endpoint, question: Callable[[L1Client], T]) -> T:
        """The endpoint's answer.

        Raises: Unusable, when it gave none or a false one; L1Error, when it refused: that is an answer.
        """
        try:
            answer = question(endpoint.client)
        except L1Unreachable as error:
            self._failed(endpoint, error)
            raise Unusable from error
        except L1Reverted:
            self._well(endpoint)
            raise
        except L1Error:
            raise
        except DataMismatch as error:
            self.caught(endpoint, str(error))
            raise Unusable from error
        except MALFORMED as error:
            self.caught(endpoint, f"a malformed answer: {type(error).__name__}: {error}")
            raise Unusable from error
        self._well(endpoint)
        return answer

    def caught(self, endpoint: Endpoint, what: str) -> None:
        """Notes a lie: the endpoint is not asked for a while."""
        self.disagreements += 1
        endpoint.lies += 1
        endpoint.admitted = False
        rest = min(LIE_REST_SECONDS * 2 ** (endpoint.lies - 1), LONGEST_LIE_REST_SECONDS)
        endpoint.banned_until = self._clock.monotonic() + rest
        self.note(endpoint, what)

    def differs(self, endpoint: Endpoint, what: str) -> None:
        """Notes an answer other than the quorum's; it may be another branch, and no lie."""
        self.disagreements += 1
        self.note(endpoint, what)

    def note(self, endpoint: Endpoint, what: str) -> None:
        """Tells what is wrong with an endpoint, once."""
        if what != endpoint.problem:
            endpoint.problem = what
            self._report(endpoint.name, what)

    def clear(self, endpoint: Endpoint) -> None:
        """Notes that an endpoint is as it should be; its lies are not forgotten."""
        self.note(endpoint, "")

    def problems(self) -> dict[str, str]:
        """What is wrong, by endpoint."""
        return {endpoint.name: endpoint.problem for endpoint in self.all if endpoint.problem}

    def _failed(self, endpoint: Endpoint, error: L1Error) -> None:
        endpoint.failures += 1
        # it may come back as another node, or another chain
        endpoint.admitted = False
        pause = min(FIRST_REST_SECONDS * 2 ** (endpoint.failures - 1), LONGEST_REST_SECONDS)
        endpoint.rests_until = self._clock.monotonic() + pause
        self.note(endpoint, error.message)

    def _well(self, endpoint: Endpoint) -> None:
        # one that fails every other time goes on resting longer
        endpoint.failures = endpoint.failures // 2
        endpoint.rests_until = 0.0
