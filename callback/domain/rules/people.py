"""Who may make a call: what an agent must bring along, then the hard rules about persons."""

from collections.abc import Callable, Iterable
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


def may(contact: Contact, agent: AgentFacts, policy: Policy) -> Refusal | None:
    """Why `agent` may not make this contact, whatever the moment; None when they may."""
    for qualification in QUALIFICATIONS:
        refusal = qualification(contact, agent, policy)
        if refusal is not None:
            return refusal
    return None


def who_may(
    contact: Contact, policy: Policy, agents: Iterable[AgentFacts]
) -> tuple[tuple[AgentFacts, ...], tuple[tuple[AgentFacts, Refusal], ...]]:
    """Those who may make this contact, and those who may not, each with the first rule that says so."""
    allowed: list[AgentFacts] = []
    barred: list[tuple[AgentFacts, Refusal]] = []
    for agent in agents:
        refusal = may(contact, agent, policy)
        if refusal is None:
            allowed.append(agent)
        else:
            barred.append((agent, refusal))
    return tuple(allowed), tuple(barred)
