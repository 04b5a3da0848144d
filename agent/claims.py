"""Find claims of an action that no tool of the turn has done, and correct them: a model's word is no deed.

Only code knows what ran. An answer that says “Saved.” or “I've set a timer” without a call that worked gets a sentence
of ours behind it, whatever engine wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskhand.agent.events import CallRecord

LONGEST = 600
"""Characters of an answer whose claims are looked for: longer ones are texts, not reports."""

_DEEDS = (
    "saved|set|sent|deleted|removed|created|opened|launched|started|copied|pasted|typed|clicked|pressed|cancel+ed|"
    "scheduled|moved|renamed|edited|updated|stored|recorded|written(?: down)?|wrote(?: down)?|noted(?: down)?|"
    "turned (?:on|off|up|down|it)|closed|muted|unmuted|replaced|booked|ordered|forwarded|downloaded|installed"
)
_ALONE = (
    r"(?:all )?done|ok(?:ay)?,? done|finished|erledigt|gespeichert|gesetzt|gelöscht|gesendet|fertig|notiert|"
    r"c'est fait|fait|enregistré|supprimé|envoyé|hecho|listo|guardado|enviado|eliminado"
)
_THINGS = (
    "timer|alarm|reminder|note|notes|file|document|e-?mail|message|event|appointment|page|address|app|application|"
    "program|browser|editor|window|volume|brightness|text|button|clipboard"
)
_WITHIN = r"[^.!?\n“”\"]"
_DONE = re.compile(rf"^(?:{_ALONE})[.!]*$", re.IGNORECASE)
"""Says of no deed in particular that it is done: of a question that a tool answered, too."""
_CLAIMS = (
    re.compile(rf"^(?:(?:it'?s |it is |successfully )?(?:{_DEEDS}))(?: it| that| for you| now)?[.!]*$", re.IGNORECASE),
    re.compile(
        rf"\bI(?:'ve|’ve| have)? (?:just |now |already |also |successfully )*(?:{_DEEDS})\b{_WITHIN}", re.IGNORECASE
    ),
    re.compile(rf"\bI(?:'ve|’ve| have)? (?:just |now )?added\b{_WITHIN}+ to (?:your|the)\b", re.IGNORECASE),
    re.compile(
        rf"\b(?:the|your|a|an) (?:[\w'’-]+ ){{0,4}}(?:{_THINGS})\b{_WITHIN}{{0,60}}"
        rf"\b(?:is|are|was|were|has been|have been) (?:now |successfully |already )*(?:{_DEEDS})\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bich habe\b[^.!?\n]{1,80}\b(?:gespeichert|gesetzt|gestellt|gelöscht|gesendet|notiert|geöffnet|kopiert)\b",
        re.IGNORECASE,
    ),
    re.compile(r"\bj'ai (?:bien )?(?:enregistré|créé|supprimé|envoyé|ouvert|noté|copié|réglé|mis)\b", re.IGNORECASE),
    re.compile(
        r"\bhe (?:guardado|creado|eliminado|enviado|abierto|anotado|copiado|puesto|configurado)\b", re.IGNORECASE
    ),
)
_NOT_A_CLAIM = re.compile(
    r"\b(?:not|never|n't|n’t|cannot|unable|if|when|once|after|nicht|kein|pas|no se)\b|"
    r"\b(?:would|should|will|could|can you|please)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\s*(?:what|who|whom|whose|which|when|where|why|how|did|do|does|is|are|was|were|has|have|had|tell me|explain|"
    r"was|wer|wann|wo|warum|wie|hast|ist|que|quand|comment|pourquoi|est-ce|qué|cuándo|cómo|por qué)\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"\b(?:translat\w*|draft|compos\w*|rewrit\w*|rephras\w*|paraphras\w*|summari[sz]\w*|proofread|correct this|"
    r"writ\w+ (?:me |us )?(?:a|an|the|some) (?!note)|übersetz\w*|tradui\w*|traduc\w*)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"```.*?(?:```|$)|`[^`]*`|“[^”]*”|\"[^\"]*\"|«[^»]*»|^>.*$", re.DOTALL | re.MULTILINE)


def correction(
    answer: str, asked: str, calls: Sequence[CallRecord], *, worked: Sequence[CallRecord], acted: Sequence[CallRecord]
) -> str:
    """Say what did not happen, where an answer claims it; empty if it claims nothing, or what was done.

    Args:
        answer: what the model said last.
        asked: what the person said.
        calls: of this turn.
        worked: those that did more than look at the screen, without an error.
        acted: those of them that changed something.
    """
    if acted or len(answer) > LONGEST or _WRITES.search(asked) or (_ASKS.match(asked) and asked.strip().endswith("?")):
        return ""
    if not claims(answer, only_deeds=bool(worked)):
        return ""
    refused = next((record for record in reversed(calls) if record.error), None)
    if refused is not None:
        return f"Correction: this was not done. {refused.error}"
    return "Correction: this was not done. No tool of Deskhand changed anything."


def claims(answer: str, *, only_deeds: bool = False) -> bool:
    """Whether an answer says that something was done; what it quotes, denies or supposes does not count.

    Args:
        answer: what the model said.
        only_deeds: a bare “Done.” does not count either.
    """
    said = _QUOTED.sub(" ", answer)
    sentences = (each.strip() for each in re.split(r"(?<=[.!?])\s+|\n+", said))
    patterns = _CLAIMS if only_deeds else (_DONE, *_CLAIMS)
    return any(pattern.search(each) for each in sentences if not _NOT_A_CLAIM.search(each) for pattern in patterns)
