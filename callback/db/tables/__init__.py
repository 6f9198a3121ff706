"""Every table of the schema; importing this package registers them all on `Base.metadata`."""

from callback.db.tables.callbacks import Appointment, Attempt, Callback, Decision, Slot
from callback.db.tables.cases import Case, CaseHandler, ImportRun, Promise
from callback.db.tables.contacts import ContactCount, ContactPair, ContactTrial
from callback.db.tables.escalations import Escalation, EscalationNotice
from callback.db.tables.messages import InboundMessage
from callback.db.tables.moves import Move
from callback.db.tables.notes import CallbackNote, Handover, HandoverPoint, IncomingCall
from callback.db.tables.outlooks import Outlook
from callback.db.tables.people import Agent, ContactPoint, Customer, Shift, ShiftException, Suppression, Team
from callback.db.tables.plan_proofs import KeptPlan, PlanProof
from callback.db.tables.replies import QuickReply, QuickReplyPicture
from callback.db.tables.sends import Campaign, Send, Sender
from callback.db.tables.surveys import Answer, Dissatisfaction, DissatisfactionStep, Questionnaire, Response, Script
from callback.db.tables.system import (
    ApiToken,
    AuditEntry,
    CalendarDay,
    IdempotencyKey,
    Job,
    LoginFailure,
    LoginSession,
    SetupVersion,
)
from callback.db.tables.uploads import SuppressionList, Upload
from callback.db.tables.visits import VisitPlan, VisitTurn

__all__ = [
    "Agent",
    "Answer",
    "ApiToken",
    "Appointment",
    "Attempt",
    "AuditEntry",
    "CalendarDay",
    "Callback",
    "CallbackNote",
    "Campaign",
    "Case",
    "CaseHandler",
    "ContactCount",
    "ContactPair",
    "ContactPoint",
    "ContactTrial",
    "Customer",
    "Decision",
    "Dissatisfaction",
    "DissatisfactionStep",
    "Escalation",
    "EscalationNotice",
    "Handover",
    "HandoverPoint",
    "IdempotencyKey",
    "ImportRun",
    "InboundMessage",
    "IncomingCall",
    "Job",
    "KeptPlan",
    "LoginFailure",
    "LoginSession",
    "Move",
    "Outlook",
    "PlanProof",
    "Promise",
    "Questionnaire",
    "QuickReply",
    "QuickReplyPicture",
    "Response",
    "Script",
    "Send",
    "Sender",
    "SetupVersion",
    "Shift",
    "ShiftException",
    "Slot",
    "Suppression",
    "SuppressionList",
    "Team",
    "Upload",
    "VisitPlan",
    "VisitTurn",
]
