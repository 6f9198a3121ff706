"""When people answer: counts that grow with every dial, so that nobody ever scans the attempts again."""

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId, words
from callback.domain.words import ContactKind, PartOfDay


class ContactCount(WithId, Base):
    """First dials to numbers of one kind in one slot of the week, and how many of them reached the customer."""

    __tablename__ = "contact_counts"
    __table_args__ = (
        UniqueConstraint("kind", "part_of_day", "weekday"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("reached BETWEEN 0 AND tried", name="reached"),
    )

    kind: Mapped[ContactKind] = mapped_column(words(ContactKind, "kind"))
    part_of_day: Mapped[PartOfDay] = mapped_column(words(PartOfDay, "part_of_day"))
    weekday: Mapped[int]
    """0 is Monday, on the customer's calendar."""
    tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class ContactPair(WithId, Base):
    """Pairs of first dials to one person: what they show in common is how much persons differ."""

    __tablename__ = "contact_pairs"
    __table_args__ = (UniqueConstraint("kind", "part_of_day", "other_part"),)

    kind: Mapped[ContactKind] = mapped_column(words(ContactKind, "kind"))
    part_of_day: Mapped[PartOfDay] = mapped_column(words(PartOfDay, "part_of_day"))
    other_part: Mapped[PartOfDay] = mapped_column(words(PartOfDay, "other_part"))
    """Of the earlier dial."""
    pairs: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    both: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    answered: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class ContactTrial(WithId, Base):
    """One customer's first dials: by part of the day, and in each arm of the comparison of planning with and without
    what was learned."""

    __tablename__ = "contact_trials"
    __table_args__ = (UniqueConstraint("customer_id"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    learned_tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    learned_reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    holdout_tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    holdout_reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    morning_tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    morning_reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    afternoon_tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    afternoon_reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    evening_tried: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    evening_reached: Mapped[int] = mapped_column(default=0, server_default=text("0"))
