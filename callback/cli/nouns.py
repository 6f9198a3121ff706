"""Where each command is. A command that is run has only its own module imported: all of them together take seconds."""

from importlib import import_module

MODULES: dict[str, tuple[str, ...]] = {
    "init": ("accounts",),
    "agent": ("accounts", "agent_files", "shifts"),
    "token": ("accounts",),
    "calendar": ("calendar",),
    "campaign": ("campaign",),
    "contact-rates": ("contact",),
    "migrate": ("database",),
    "dissatisfaction": ("dissatisfaction",),
    "doctor": ("doctor",),
    "import": ("imports",),
    "cases": ("imports",),
    "plan": ("plan",),
    "explain": ("plan",),
    "reassign": ("plan",),
    "findings": ("plan_questions",),
    "questionnaire": ("questionnaire",),
    "sample": ("sample",),
    "script": ("script",),
    "serve": ("serve",),
    "suppression": ("suppression",),
    "visit": ("visit",),
    "warnings": ("warning",),
    "today": ("work",),
    "work": ("work",),
    "worker": ("worker",),
}
"""The first word of a command → the modules of `callback.cli` that define it."""


def register(word: str | None = None) -> None:
    """Register the command `word` on `callback.cli.app`; every command when there is none of that name."""
    everything = [module for modules in MODULES.values() for module in modules]
    for module in MODULES.get(word or "", everything):
        import_module(f"callback.cli.{module}")
