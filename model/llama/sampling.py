"""Choosing tokens: llama.cpp's sampler chain, and a grammar that is asked only about the token that was chosen."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import ModelError, PromptError
from deskhand.model.language.dialect import Grammar
from deskhand.model.llama.context import Context
from deskhand.model.llama.lookahead import CANDIDATE, Lookahead
from deskhand.model.llama.native import C, Model, Pointer, cause
from deskhand.model.types import Sampling

_LONG = 64 * 1024
"""Characters of a grammar in which looking ahead would take longer than writing: it is asked byte by byte."""

_REMEMBERED = 64
"""Tokens written under a grammar that are kept for the lookahead."""


class DeadEndError(ModelError):
    """The grammar allows no token that the model may write."""


class NumbersError(ModelError):
    """The model computed something that is no number, as damaged weights do."""

    def __init__(self) -> None:
        super().__init__(
            "The model's numbers for its next word make no sense (NaN), so its answer was ended. Its file may be "
            "damaged: check it with “deskhand models verify”, or choose another model."
        )


class Sampler:
    """Chooses the tokens of one completion.

    A full pass of a grammar costs 23–41 ms at 262,144 tokens, a check of one token 1–3 µs. So the chain chooses freely,
    the grammar checks that one token, and only if it is refused all tokens are masked and the chain chooses again.

    Args:
        model: whose vocabulary.
        sampling: temperature and the rest; 0 is greedy.
        grammar: what constrains the completion.

    Raises:
        PromptError: llama.cpp can't read the grammar, or it does not begin with its trigger.
    """

    def __init__(self, model: Model, sampling: Sampling, grammar: Grammar | None = None) -> None:
        self._model = model
        self._check = Check()
        self._vetted = False
        self._grammar = _open_grammar(model, grammar, self._check) if grammar else None
        self._trigger = model.special_token(grammar.trigger) if grammar and grammar.trigger else None
        self.constrains = self._grammar is not None and self._trigger is None
        """Whether a grammar applies to what is sampled next: not before its trigger."""
        self._lookahead: Lookahead | None = None
        short = grammar is not None and len(grammar.gbnf) < _LONG
        if self._grammar and short and model.byte_tokens and model.end is not None:
            self._lookahead = Lookahead(model, model.end)
        self._written: list[int] = []
        self._chain = C.llama_sampler_chain_init(C.llama_sampler_chain_default_params())
        if model.suppressed:
            bias = (C.llama_logit_bias * len(model.suppressed))()
            for entry, token in zip(bias, model.suppressed, strict=True):
                entry.token, entry.bias = token, float("-inf")
            self._add(C.llama_sampler_init_logit_bias(model.vocab_size, len(bias), bias))
        if sampling.temperature <= 0:
            self._add(C.llama_sampler_init_greedy())
        else:
            # Temperature before top_p, as in transformers; top_k first is the same and leaves less to do.
            self._add(C.llama_sampler_init_top_k(sampling.top_k))
            self._add(C.llama_sampler_init_temp(sampling.temperature))
            self._add(C.llama_sampler_init_top_p(sampling.top_p, 1))
            # The largest seed means "random" to llama.cpp.
            self._add(C.llama_sampler_init_dist(sampling.seed % (C.LLAMA_DEFAULT_SEED - 1)))

    def _add(self, sampler: Pointer) -> None:
        C.llama_sampler_chain_add(self._chain, sampler)

    def close(self) -> None:
        """Free the chain and the grammar."""
        if self._chain:
            C.llama_sampler_free(self._chain)
            self._chain = None
        if self._grammar:
            C.llama_sampler_free(self._grammar)
            self._grammar = None

    def sample(self, context: Context, row: int) -> int:
        """Choose the token that follows row ``row`` of the last batch; with a grammar, in the rows' order.

        Raises:
            DeadEndError: the grammar allows none.
            NumbersError: the logits are none.
        """
        first: float = C.llama_get_logits_ith(context.handle, row)[0]
        # Something wrong in the state is in every logit, something wrong in the output's weights there from the start.
        if not self._vetted or first - first != 0.0:
            self._vet(context.logits(row))
        token: int = C.llama_sampler_sample(self._chain, context.handle, row)
        if self._grammar is None:
            return token
        if self._trigger is not None:
            # Until then the grammar allows everything and has nothing to remember.
            if token != self._trigger:
                return token
            self._trigger, self.constrains = None, True
        elif not self._check.allows(self._grammar, token):
            token = self._sample_masked(context.logits(row))
            # Accepting a token that a grammar forbids aborts the process.
            if not self._check.allows(self._grammar, token):
                raise DeadEndError("The model can't go on within the form that was asked for.")
        self._accept(token)
        return token

    def forced(self, most: int) -> list[int]:
        """Up to ``most`` tokens that the grammar leaves no choice about; they count as chosen.

        Without a grammar there are none, and before its trigger.
        """
        if self._lookahead is None or not self.constrains:
            return []
        forced: list[int] = []
        for token in self._lookahead.tokens(self._grammar, self._written)[:most]:
            if not self._check.allows(self._grammar, token):
                break
            self._accept(token)
            forced.append(token)
        return forced

    def _accept(self, token: int) -> None:
        C.llama_sampler_accept(self._grammar, token)
        self._written.append(token)
        if len(self._written) > _REMEMBERED:
            del self._written[: _REMEMBERED // 2]

    def _vet(self, logits: NDArray[np.float32]) -> None:
        """Refuse logits with which llama.cpp's samplers would give nonsense, or abort."""
        if np.isnan(logits).any() or not np.isfinite(logits).any():
            raise NumbersError
        self._vetted = True

    def _sample_masked(self, logits: NDArray[np.float32]) -> int:
        candidates = np.empty(logits.size, CANDIDATE)
        candidates["id"] = np.arange(logits.size)
        candidates["logit"] = logits
        candidates["logit"][list(self._model.suppressed)] = -np.inf
        pointer = candidates.ctypes.data_as(ctypes.POINTER(C.llama_token_data))
        array = C.llama_token_data_array(pointer, candidates.size, -1, False)
        C.llama_sampler_apply(self._grammar, ctypes.byref(array))
        if not np.isfinite(candidates["logit"]).any():
            raise DeadEndError("The model can't go on within the form that was asked for.")
        C.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)


class Check:
    """Asks grammars about single tokens. One candidate serves all questions: making one costs five times the answer."""

    def __init__(self) -> None:
        self._candidate = (C.llama_token_data * 1)()
        self._array = C.llama_token_data_array(self._candidate, 1, -1, False)
        self._argument = ctypes.byref(self._array)
        self._only = self._candidate[0]

    def allows(self, grammar: Pointer, token: int) -> bool:
        """Whether a grammar sampler allows ``token`` next; always, before its trigger."""
        self._only.id, self._only.logit = token, 0.0
        C.llama_sampler_apply(grammar, self._argument)
        return self._only.logit == 0.0


def _open_grammar(model: Model, grammar: Grammar, check: Check) -> Pointer:
    gbnf = grammar.gbnf.encode()
    # An empty grammar is none at all to llama.cpp.
    eager = C.llama_sampler_init_grammar(model.vocab, gbnf, b"root") if gbnf.strip() else None
    if not eager:
        raise PromptError(f"The form of a tool's arguments can't be turned into a grammar: {cause()}.")
    if not grammar.trigger:
        return eager
    trigger = model.special_token(grammar.trigger)
    begins = trigger is not None and check.allows(eager, trigger)
    C.llama_sampler_free(eager)
    if trigger is None:
        # Spelt in several tokens: llama.cpp would replay them into the grammar and abort where they overlap its begin.
        return None
    if not begins:
        raise PromptError(f"The grammar of the tools does not begin with {grammar.trigger}.")
    tokens = (ctypes.c_int32 * 1)(trigger)
    return C.llama_sampler_init_grammar_lazy_patterns(model.vocab, gbnf, b"root", None, 0, tokens, 1)
