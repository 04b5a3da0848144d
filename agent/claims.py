"""Find claims of an action that no tool of the turn has done, and correct them: a model's word is no deed.

Only code knows what ran. An answer that says “Saved.” or “I've set a timer” without a call that worked gets a sentence
of ours behind it, whatever engine wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskhand.agent.events import CallRecord

LONGEST = 600
"""Characters of an answer whose claims are looked for everywhere; of a longer text only its two ends report."""

_SURE = (
    "saved|sent|deleted|opened|launched|copied|pasted|typed|clicked|pressed|cancel+ed|scheduled|renamed|stored|"
    "written down|wrote down|noted down|jotted down|turned (?:on|off|up|down|it)|closed|muted|unmuted|booked|ordered|"
    "forwarded|downloaded|installed|e-?mailed|called|texted"
)
_MAYBE = (
    "set|removed|created|started|moved|edited|updated|recorded|written|wrote|noted|replaced|changed|made|taken|took"
)
"""What is also done to the words of an answer."""
_DEEDS = f"{_SURE}|{_MAYBE}|added"
_ALONE = (
    r"(?:all |it's |that's |i(?:'ve| have)? )?(?:done|finished)(?: it| that| this)?|(?:the )?task (?:is )?completed?|"
    r"i did (?:it|that)|i(?:'ve| have) completed? (?:it|that|the task)|erledigt|gespeichert|gesetzt|gelöscht|gesendet|"
    r"fertig|notiert|c'est fait|fait|enregistré|supprimé|envoyé|hecho|¡?listo|guardado|enviado|eliminado"
)
_THINGS = (
    "timer|alarm|reminder|note|notes|file|document|e-?mail|message|event|appointment|page|address|app|application|"
    "program|browser|editor|window|volume|brightness|button|clipboard|meeting|calendar"
)
_WITHIN = r"[^.!?\n“”\"]"
_THE = rf"\b(?:the|your|a|an) (?:[\w'-]+ ){{0,4}}(?:{_THINGS})\b{_WITHIN}{{0,60}}"
_PAST = "saved|sent|deleted|created|opened|cancel+ed|scheduled|copied|moved|renamed|stored|muted|closed|noted|added"
_HELLO = r"(?:(?:ok(?:ay)?|sure|got it|alright|all right|great|right|yes|listo|vale|gut|voilà)[,.! ]+)*"
_DE = "gespeichert|gesetzt|gestellt|gelöscht|gesendet|geschickt|notiert|geöffnet|kopiert|gestartet|erstellt|angelegt"
_DE_THINGS = "timer|wecker|erinnerung|notiz|datei|e-?mail|nachricht|termin|liste"
_FR = "enregistr|cré|supprim|envoy|not|copi|régl|programm|lanc|annul"
_FR_THINGS = "note|minuteur|minuterie|rappel|alarme|fichier|e-?mail|message|courriel"
_ES = "guardad|cread|eliminad|enviad|anotad|copiad|configurad|cancelad|programad"
_ES_THINGS = "nota|temporizador|recordatorio|alarma|archivo|correo|mensaje"
_HAVE = r"\bI(?:'ve| have)? (?:just |now |already |also |successfully |gone ahead and |went ahead and )*"
_DONE = (rf"^{_HELLO}(?:{_ALONE})(?:[, ]+(?:{_ALONE}))*$",)
"""No more than that something is done: what a tool gave may be meant, and not a deed."""
_OWN = (
    rf"^{_HELLO}(?:it's |it is |successfully )?(?:{_DEEDS})(?: it| that| for you| now)?$",
    rf"^{_HELLO}(?:{_DEEDS}) (?:it |that )?(?:to|in) (?:your|the) (?:[\w-]+ ){{0,2}}(?:{_THINGS}|list|folder)\b",
    rf"{_HAVE}(?:{_SURE})\b",
    rf"{_HAVE}(?:{_MAYBE}|put) (?:it|that|this|them)\b(?!.*:$)",
    rf"{_HAVE}(?:{_MAYBE}) (?:a|an|the|your|another)\b(?: [\w'-]+){{0,4}} (?:{_THINGS})\b(?!.*:$)",
    rf"{_HAVE}added\b{_WITHIN}+ to (?:your|the)\b",
    rf"{_HAVE}turned (?:the|your) (?:{_THINGS})\b",
    rf"{_THE}\b(?:has|have) been (?:now |successfully |already )*(?:{_DEEDS})\b",
    rf"\b(?:ich hab(?:e|'s)?|hab(?:e)? ich)\b[^.!?\n]{{0,80}}\b(?:{_DE}|hinzugefügt|abgebrochen|eingetragen)\b",
    rf"\bj'ai (?:bien |déjà )?(?:(?:{_FR})ée?s?|ouvert|mis (?:le|la|un|une)|réglé)\b",
    r"\bj'ai (?:bien )?ajouté\b.* à (?:votre|ta|la|vos|tes)\b",
    rf"\bhe (?:(?:{_ES})o|abierto|puesto)\b|\bhe añadido\b.* a (?:tu|su|la|tus)\b",
    r"\bya (?:guardé|creé|envié|eliminé|puse|configuré|añadí|anoté)\b",
)
"""An action of the one who speaks."""
_STATES = (
    rf"^{_HELLO}(?!an? |the )(?:[\w-]+ ){{0,2}}(?:{_THINGS}) (?:{_DEEDS})(?: (?:for|to|at|in|on|as) [^,;]{{1,60}})?$",
    rf"{_THE}\b(?:is|are|was|were) (?:now |successfully |already )*(?:{_PAST}|set(?= to\b| for\b| at\b| now\b|$))\b",
    r"\b(?:the|your) (?:[\w'-]+ ){0,4}timer (?:is now running|has (?:now )?started)\b",
    r"^[\w' -]{1,40} has been (?:successfully |now )*(?:opened|launched|closed|muted|installed)\b",
    rf"\b(?:{_DE_THINGS})\b[^.!?\n]{{0,40}}\b(?:ist|wurde|sind|wurden)\b[^.!?\n]{{0,40}}\b(?:{_DE})\b",
    rf"^(?:{_DE_THINGS}) (?:[^.!?\n]{{0,30}} )?(?:{_DE})$",
    rf"\b(?:{_FR_THINGS})\b[^.!?\n]{{0,40}}\b(?:a été|est) (?:bien )?(?:{_FR})ée?\b",
    rf"^(?:{_FR_THINGS}) (?:{_FR})ée?$",
    rf"\b(?:{_ES_THINGS})\b[^.!?\n]{{0,40}}\b(?:ha sido|está) (?:{_ES})[oa]\b|\bse ha (?:{_ES})o (?:la|el|tu)\b",
    rf"^(?:{_ES_THINGS}) (?:{_ES})[oa]$",
)
"""What something is like: true without an action where a tool only read it."""
_DONE_CLAIMS = re.compile("|".join(f"(?:{each})" for each in _DONE), re.IGNORECASE)
_OWN_CLAIMS = re.compile("|".join(f"(?:{each})" for each in _OWN), re.IGNORECASE)
_STATE_CLAIMS = re.compile("|".join(f"(?:{each})" for each in _STATES), re.IGNORECASE)
_NOT_A_CLAIM = re.compile(
    r"n't\b|\b(?:not|never|cannot|unable|nothing|if|when|once|after|to [a-z]+ (?:a|the) \w+,|nicht|kein\w*|pas|"
    r"no (?:se|he|ha|hay|timer|note))\b|"
    r"\b(?:would|should|shall|will|could|can|please|i'll|let me|going to|werde|wird|soll|würde|vais|voy)\b|\?$",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\bby [A-Z]\w|\bin \d{4}\b|\b(?:yesterday|ago|[Aa]ccording|first|last|every|says?|screenshot|picture|image|times|"
    r"version)\b"
)
_SIGNS = re.compile(r"^[^\w¡'“\"]+|[^\w'”\"):?]+$")
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
    asks = _ASKS.match(asked) and asked.strip().endswith("?")
    if acted or asks or _WRITES.search(asked) or not claims(answer, only_deeds=bool(worked)):
        return ""
    refused = next((record for record in reversed(calls) if record.error), None)
    if refused is not None:
        return f"Correction: this was not done. {refused.error}"
    return "Correction: this was not done. No tool of Deskhand changed anything."


def claims(answer: str, *, only_deeds: bool = False) -> bool:
    """Whether an answer says that something was done; what it quotes, denies or supposes does not count.

    Args:
        answer: what the model said.
        only_deeds: neither a bare “Done.” counts, nor what may be told of what a tool read.
    """
    said = _QUOTED.sub(" ", answer.replace("’", "'"))
    long = len(said) > LONGEST
    if long:
        ends = said.strip().split("\n\n")
        said = "\n".join(each for each in (ends[0], ends[-1]) if len(each) < LONGEST // 2)
    sentences = (_SIGNS.sub("", each.strip()) for each in re.split(r"(?<=[.!?])\s+|\n+", said))
    return any(
        _OWN_CLAIMS.search(each)
        or (not only_deeds and _DONE_CLAIMS.search(each))
        or (not only_deeds and not long and not _OF_OTHERS.search(each) and _STATE_CLAIMS.search(each))
        for each in sentences
        if not _NOT_A_CLAIM.search(each)
    )
