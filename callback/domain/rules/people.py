"""Who may make a call: what an agent must bring along, then the hard rules about persons."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from callback.domain.facts import AgentFacts
from callback.domain.policy import Policy
from callback.domain.rules.affinity import another_person
from callback.domain.rules.contact import Contact, Refusal

Qualification = Callable[[Contact, AgentFacts, Policy], Refusal | None]


def inactive(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:  # noqa: ARG001
    return None if agent.active else Refusal(rule="inactive", reason="agent_inactive", params={"agent_id": agent.id})


def language(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:  # noqa: ARG001
    wanted = contact.customer.language
    if wanted in agent.languages:
        return None
    return Refusal(rule="language", reason="agent_language", params={"agent_id": agent.id, "language": wanted})


def skill(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:  # noqa: ARG001
    wanted = contact.case.required_skill
    if wanted is None or wanted in agent.skills:
        return None
    return Refusal(rule="skill", reason="agent_skill", params={"agent_id": agent.id, "skill": wanted})


def affinity(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:
    """The hard rule, last: the first refusal is the one that is told, and an easier reason is told first."""
    return another_person(replace(contact, agent_id=agent.id), policy)


QUALIFICATIONS: tuple[Qualification, ...] = (inactive, language, skill, affinity)


def against(contact: Contact, agent: AgentFacts, policy: Policy) -> Iterator[Refusal]:
    """Everything that forbids `agent` this contact, whatever the moment."""
    for qualification in QUALIFICATIONS:
        refusal = qualification(contact, agent, policy)
        if refusal is not None:
            yield refusal


def may(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:
    """The first thing that forbids it; None when they may."""
    return next(against(contact, agent, policy), None)


def who_may(
    contact: Contact, policy: Policy, agents: Iterable[AgentFacts]
) -> tuple[tuple[AgentFacts, ...], tuple[tuple[AgentFacts, tuple[Refusal, ...]], ...]]:
    """Those who may make this contact, and those who may not, each with every rule that says so."""
    allowed: list[AgentFacts] = []
    barred: list[tuple[AgentFacts, tuple[Refusal, ...]]] = []
    for agent in agents:
        refused = tuple(against(contact, agent, policy))
        if refused:
            barred.append((agent, refused))
        else:
            allowed.append(agent)
    return tuple(allowed), tuple(barred)
