"""The words of the house: one name for one thing, in tables, code, API and pages.

Every enumeration here is a `CHECK` constraint in the database and an enum in the OpenAPI document.
"""

from enum import StrEnum


class CaseStatus(StrEnum):
    """`open`: reported. `pending`: being worked on. `closed`: answered."""

    OPEN = "open"
    PENDING = "pending"
    CLOSED = "closed"


class CaseKind(StrEnum):
    ENQUIRY = "enquiry"
    REQUEST = "request"
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """0 (low) to 3 (urgent)."""
        return list(Priority).index(self)


class PromiseState(StrEnum):
    """`replaced`: a new promise was taken in a holding call before this one was kept."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    REPLACED = "replaced"


class Purpose(StrEnum):
    ANSWER = "answer"
    HOLDING = "holding"
    SURVEY = "survey"
    SECOND_CALL = "second_call"
    FOLLOW_UP = "follow_up"
    VISIT = "visit"


class Channel(StrEnum):
    """How a customer is contacted. `agent` is a person on the telephone, `voice` an automatic call."""

    AGENT = "agent"
    SMS = "sms"
    VOICE = "voice"
    WEB = "web"
    EMAIL = "email"


class CallbackState(StrEnum):
    """`waiting`: no agent and slot yet. `blocked`: only a supervisor can move it (see `blocked_by`).

    `in_progress`: claimed by the agent or worker who is calling now. The rest are ends.
    """

    WAITING = "waiting"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        return self in LIVE_STATES


LIVE_STATES = frozenset(
    {CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.IN_PROGRESS, CallbackState.BLOCKED}
)


class BlockedBy(StrEnum):
    """Why a supervisor has to decide."""

    NOBODY_QUALIFIES = "nobody_qualifies"
    NO_LEGAL_MOMENT = "no_legal_moment"
    NEEDS_DATA = "needs_data"
    SUPERVISOR_ONLY = "supervisor_only"
    """A second failure: person, place and time have all been changed once."""


class MoveKind(StrEnum):
    """What a supervisor did at once, and may undo: callbacks given to others, one placed by hand, an absence entered,
    one pinned or let go."""

    REASSIGN = "reassign"
    PLACE = "place"
    ABSENCE = "absence"
    PIN = "pin"


class AttemptState(StrEnum):
    """Ranked: an event may move an attempt to a higher rank only (see `rank`).

    `claimed`: written before anything leaves. `sent`: handed to the carrier or dialled. `connected`: somebody answered.
    `ended`: has a disposition. `unknown`: the lease ran out after the request left; reconcile, never repeat blindly.
    """

    CLAIMED = "claimed"
    SENT = "sent"
    CONNECTED = "connected"
    UNKNOWN = "unknown"
    ENDED = "ended"


class Disposition(StrEnum):
    """How an attempt ended. AAPOR codes: `domain/dispositions.py`."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    NOT_CONVENIENT = "not_convenient"
    REFUSED = "refused"
    BREAK_OFF = "break_off"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    ANSWERING_MACHINE = "answering_machine"
    SWITCHED_OFF = "switched_off"
    THIRD_PARTY = "third_party"
    """Somebody else answered; nothing was said about the case."""
    IDENTITY_NOT_CONFIRMED = "identity_not_confirmed"
    LANGUAGE_BARRIER = "language_barrier"
    UNABLE = "unable"
    """Cannot take part: ill, hard of hearing, deceased."""
    WRONG_NUMBER = "wrong_number"
    DEAD_NUMBER = "dead_number"
    TECHNICAL_FAILURE = "technical_failure"
    NO_RESPONSE = "no_response"
    """A survey that was delivered and never answered."""


class PartOfDay(StrEnum):
    """In the customer's own zone: before 12:00, 12:00–17:00, from 17:00."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class Attitude(StrEnum):
    """The customer's attitude, low to high (the five levels of the source documents)."""

    ANGRY = "angry"
    COLD = "cold"
    ORDINARY = "ordinary"
    FRIENDLY = "friendly"
    WARM = "warm"


class HungUp(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    UNKNOWN = "unknown"


class ContactKind(StrEnum):
    MOBILE = "mobile"
    LANDLINE = "landline"
    PHONE = "phone"
    """A number whose kind the numbering plan does not tell (North America)."""
    EMAIL = "email"


class ContactState(StrEnum):
    GOOD = "good"
    WRONG = "wrong"
    DEAD = "dead"


class AppointmentState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    MISSED = "missed"
    CANCELLED = "cancelled"


class ResponseState(StrEnum):
    """`partial`: ended with some answers. `expired`: ended with none."""

    OPEN = "open"
    PARTIAL = "partial"
    COMPLETE = "complete"
    EXPIRED = "expired"


class DissatisfactionRule(StrEnum):
    """In the order in which they name the severity."""

    SOLUTION_NOT_ACCEPTED = "solution_not_accepted"
    PROBLEM_NOT_SOLVED = "problem_not_solved"
    LOW_SCORE = "low_score"
    LOW_NPS = "low_nps"
    FREE_TEXT = "free_text"
    AGENT_JUDGEMENT = "agent_judgement"


class Severity(StrEnum):
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class DissatisfactionState(StrEnum):
    """`open`: a second call is due. `escalated`: it failed too, or nobody may make it; the supervisor decides."""

    OPEN = "open"
    RECOVERED = "recovered"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Cause(StrEnum):
    """Why a customer was unhappy: the three kinds of the source documents; finer in `SubCause`."""

    SERVICE = "service"
    """What we said or did: too little explained, an agreement not kept, the attitude."""
    MISUNDERSTANDING = "misunderstanding"
    """The customer's own oversight or misunderstanding."""
    PRODUCT = "product"
    """A fault of the product or of the equipment."""


class SubCause(StrEnum):
    """Which cause each belongs to: `domain/recovery.py`."""

    EXPLANATION = "explanation"
    AGREEMENT = "agreement"
    ATTITUDE = "attitude"
    OVERSIGHT = "oversight"
    MISREADING = "misreading"
    DEFECT = "defect"
    EQUIPMENT = "equipment"


class Validity(StrEnum):
    """`valid`: we did wrong, or harm was done. `communication`: it can be talked over; left alone it turns valid."""

    VALID = "valid"
    COMMUNICATION = "communication"


class ComplaintNature(StrEnum):
    """What the customer wants: help with a trouble, to know something, to be heard."""

    HELP = "help"
    ENQUIRY = "enquiry"
    VENTING = "venting"


class ComplaintContent(StrEnum):
    EQUIPMENT = "equipment"
    ATTITUDE = "attitude"
    QUALITY = "quality"
    INCIDENT = "incident"


class RecoveryStep(StrEnum):
    """The six steps of handling a complaint, in their order."""

    LISTEN = "listen"
    ANALYSE = "analyse"
    FIND = "find"
    TELL = "tell"
    HANDLE = "handle"
    REVIEW = "review"


class SuppressionScope(StrEnum):
    ALL = "all"
    AGENT = "agent"
    SMS = "sms"
    VOICE = "voice"
    WEB = "web"
    EMAIL = "email"
    SURVEY = "survey"
    """No more surveys; answers that were promised are still told."""


class Role(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class VersionState(StrEnum):
    """Of a questionnaire or a script: one published version per key (and language) at a time."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class DayKind(StrEnum):
    HOLIDAY = "holiday"
    WORKING = "working"
    """A make-up working day: a weekend day on which people work (China's 调休)."""


class SetupKind(StrEnum):
    """What a centre sets up by itself; every change of it is a version (`services/setups/`)."""

    POLICY = "policy"
    RETRY = "retry"
    ESCALATION = "escalation"
    CALENDAR = "calendar"
    TEAM = "team"
    AGENT = "agent"
    SHIFTS = "shifts"
    QUICK_REPLY = "quick_reply"


class EscalationTrigger(StrEnum):
    """What an escalation rule waits for."""

    PROMISE_DUE = "promise_due"
    PROMISE_BROKEN = "promise_broken"
    UNHAPPY = "unhappy"
    BLOCKED = "blocked"
    OVERDUE = "overdue"
    HANDOVER_UNSIGNED = "handover_unsigned"
    MESSAGE_UNREAD = "message_unread"


class EscalationTold(StrEnum):
    """Who gets a notice. A team without a leader has its supervisors told instead."""

    NOBODY = "nobody"
    LEADER = "leader"
    SUPERVISORS = "supervisors"


class SendKind(StrEnum):
    """What leaves the house.

    `notice`: a closing text, a reminder, the confirmation of an opt-out. `bridge`: rings the agent, then the customer.
    """

    INVITATION = "invitation"
    QUESTION = "question"
    NOTICE = "notice"
    CALL = "call"
    BRIDGE = "bridge"


class SendState(StrEnum):
    """`claimed`: a worker has it and may be handing it over. `unknown`: it may have left; the carrier is asked.

    `sent`: the carrier has it. `delivered`, `failed` and `withdrawn` (it never left) are ends.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class CampaignState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class InboundOutcome(StrEnum):
    """What a customer's message was taken for.

    `asked_again`: it was not understood the first time. `left_to_person`: nor the second. `no_question`: nothing had
    been asked, or the survey was over. `courtesy`: thanks, to which nothing is answered. `wrong_person`: the number is
    somebody else's. `waiting`: kept, and not read
    yet; a worker does so at once.
    """

    WAITING = "waiting"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    ASKED_AGAIN = "asked_again"
    LEFT_TO_PERSON = "left_to_person"
    COURTESY = "courtesy"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    NO_QUESTION = "no_question"
    WRONG_PERSON = "wrong_person"


class HandoverState(StrEnum):
    """`given`: waits for the signature of whoever takes over."""

    DRAFT = "draft"
    GIVEN = "given"
    SIGNED = "signed"


class OpenPoint(StrEnum):
    """What a shift leaves open, the most pressing first."""

    UNFINISHED_CALL = "unfinished_call"
    APPOINTMENT = "appointment"
    PROMISE = "promise"
    UNHAPPY = "unhappy"
    MESSAGE = "message"
    CHILD_CASE = "child_case"
