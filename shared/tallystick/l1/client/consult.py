"""Putting a question to several endpoints: to the first that answers, to all, or until a quorum says the same."""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from tallystick.errors import L1Error, L1Reverted, L1Unreachable
from tallystick.l1.client.endpoints import Endpoint, Endpoints, Unusable
from tallystick.l1.client.http_client import L1Client

T = TypeVar("T")


class Asker:
    """Asks endpoints of one chain. `quorum` of them must agree where a single answer proves nothing."""

    def __init__(self, endpoints: Endpoints, quorum: int, chain_id: int | None) -> None:
        self.endpoints = endpoints
        self.quorum = quorum
        self._chain_id = chain_id

    def chain_id(self) -> int:
        """The chain all endpoints must be of.

        Raises: as `agree`, when it was not given and the endpoints do not agree.
        """
        if self._chain_id is None:
            self._chain_id = self._agree(self.endpoints.usable(), lambda client: client.chain_id(), "the chain", _same)
        return self._chain_id

    def ready(self) -> Iterator[Endpoint]:
        """The usable endpoints that are of the right chain, the well ones first."""
        chain_id = self.chain_id()
        for endpoint in self.endpoints.usable():
            if not endpoint.admitted:
                actual = self.attempt(endpoint, lambda client: client.chain_id())
                if actual is None:
                    continue
                if actual != chain_id:
                    self.endpoints.caught(endpoint, f"it is of chain {actual}, not {chain_id}")
                    continue
                endpoint.admitted = True
            yield endpoint

    def attempt(self, endpoint: Endpoint, question: Callable[[L1Client], T]) -> T | None:
        """One endpoint's answer, or None."""
        try:
            return self.endpoints.ask(endpoint, question)
        except (Unusable, L1Error):
            return None

    def first(self, question: Callable[[L1Client], T]) -> T:
        """The first usable answer. That it would revert is a refusal like any other: nobody is asked for a call here.

        Raises: the last refusal; L1Unreachable, when nobody answers.
        """
        refusal: L1Error | None = None
        for endpoint in self.ready():
            try:
                return self.endpoints.ask(endpoint, question)
            except Unusable:
                continue
            except L1Error as error:
                refusal = error
        raise refusal or self.too_few("an answer", 0)

    def everybody(self, question: Callable[[L1Client], T]) -> tuple[list[T], L1Error | None]:
        """The answers of all usable endpoints, and the last refusal."""
        answers: list[T] = []
        refusal: L1Error | None = None
        for endpoint in self.ready():
            try:
                answers.append(self.endpoints.ask(endpoint, question))
            except Unusable:
                continue
            except L1Error as error:
                refusal = error
        return answers, refusal

    def several(self, question: Callable[[L1Client], T], what: str) -> list[T]:
        """As many answers as the quorum.

        Raises: L1Reverted, when so many say so; else the last refusal; L1Unreachable, when too few answer.
        """
        answers: list[T] = []
        reverts: list[L1Reverted] = []
        refusal: L1Error | None = None
        for endpoint in self.ready():
            try:
                answers.append(self.endpoints.ask(endpoint, question))
            except Unusable:
                continue
            except L1Reverted as error:
                reverts.append(error)
            except L1Error as error:
                refusal = error
            if len(answers) >= self.quorum:
                return answers
            if len(reverts) >= self.quorum:
                raise reverts[0]
        raise refusal or self.too_few(what, len(answers))

    def agree(self, question: Callable[[L1Client], T], what: str, key: Callable[[T], Hashable] | None = None) -> T:
        """What a quorum of the endpoints says; those that said otherwise before are named.

        Raises: L1Reverted, when it is that; L1Unreachable, when too few answer; L1Error, when they do not agree.
        """
        return self._agree(self.ready(), question, what, key or _same)

    def too_few(self, what: str, answers: int) -> L1Unreachable:
        """The error that says what is wrong with each endpoint."""
        problems = "; ".join(f"{name}: {problem}" for name, problem in self.endpoints.problems().items())
        return L1Unreachable(
            f"too few L1 endpoints can be used for {what}: {problems or 'they lack it'}",
            answers=answers,
            quorum=self.quorum,
        )

    def _agree(self, endpoints: Any, question: Callable[[L1Client], T], what: str, key: Callable[[T], Hashable]) -> T:
        votes: dict[Hashable, list[Endpoint]] = {}
        answers = 0
        refusal: L1Error | None = None
        for endpoint in endpoints:
            try:
                answer: T | L1Reverted = self.endpoints.ask(endpoint, question)
            except Unusable:
                continue
            except L1Reverted as error:
                answer = error
            except L1Error as error:
                refusal = error
                continue
            answers += 1
            name = ("reverted", answer.message) if isinstance(answer, L1Reverted) else ("said", key(answer))
            votes.setdefault(name, []).append(endpoint)
            if len(votes[name]) >= self.quorum:
                self._name_others(votes, name, what)
                if isinstance(answer, L1Reverted):
                    raise answer
                return answer
        if answers < self.quorum:
            raise refusal or self.too_few(what, answers)
        self.endpoints.disagreements += 1
        given = {endpoint.name: str(name) for name, those in votes.items() for endpoint in those}
        raise L1Error(f"the L1 endpoints do not agree on {what}", answers=given)

    def _name_others(self, votes: dict[Hashable, list[Endpoint]], agreed: Hashable, what: str) -> None:
        for name, those in votes.items():
            if name != agreed:
                for endpoint in those:
                    self.endpoints.differs(endpoint, f"it says otherwise than the others of {what}")


def _same(value: Any) -> Hashable:
    return value  # type: ignore[no-any-return]
