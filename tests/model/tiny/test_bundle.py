"""The tiny bundle is loaded by llama.cpp itself, and behaves as its spec says."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_float, c_void_p, pointer
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from llama_cpp import llama_cpp as L  # noqa: N812 - as the library's own examples name it
from llama_cpp import llama_cpp_ext as X  # noqa: N812 - likewise
from llama_cpp import mtmd_cpp as M  # noqa: N812 - likewise

from deskhand.model.files.bundle import Bundle, describe
from deskhand.model.tiny.bundle import TinySpec, cached_bundle, write_bundle
from deskhand.model.tiny.vocab import CONTROLS, NORMAL, vocabulary

PROMPT = "<|turn>user\nWhat is on the screen? Please read it to me.<turn|>\n<|turn>model\n"
OTHER_PROMPT = "<|turn>user\nThank you, and now open the settings of this window.<turn|>\n<|turn>model\n"
NAMES = [text for text, _ in CONTROLS]

QUIET = L.llama_log_callback(lambda *_: None)
"""Kept here because llama.cpp keeps only its address."""


class Runner:
    """The three files in llama.cpp, driven in the order that works with drafting and media."""

    def __init__(self, bundle: Bundle) -> None:
        L.llama_log_set(QUIET, None)
        M.mtmd_log_set(QUIET, None)
        M.mtmd_helper_log_set(QUIET, None)
        L.llama_backend_init()
        model = L.llama_model_default_params()
        model.n_gpu_layers = 0
        self.model = L.llama_model_load_from_file(str(bundle.main).encode(), model)
        assert self.model
        self.vocab = L.llama_model_get_vocab(self.model)
        self.size = L.llama_vocab_n_tokens(self.vocab)
        context = L.llama_context_default_params()
        context.n_ctx, context.n_batch, context.n_ubatch, context.n_seq_max = 4096, 1152, 1152, 1
        context.n_threads = context.n_threads_batch = 1
        context.type_k = context.type_v = L.GGML_TYPE_F32
        context.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = L.llama_init_from_model(self.model, context)
        assert self.context
        media = M.mtmd_context_params_default()
        media.use_gpu, media.n_threads, media.warmup, media.print_timings = False, 1, False, False
        media.image_min_tokens, media.image_max_tokens = 1, 1120
        self.media = M.mtmd_init_from_file(str(bundle.mmproj).encode(), self.model, media)
        assert self.media
        self.drafter = L.llama_model_load_from_file(str(bundle.drafter).encode(), model)
        assert self.drafter
        context.ctx_type, context.ctx_other, context.n_rs_seq = L.LLAMA_CONTEXT_TYPE_MTP, self.context, 0
        self.drafting = L.llama_init_from_model(self.drafter, context)
        assert self.drafting
        X.llama_set_embeddings_nextn(self.context, True, False)
        X.llama_set_embeddings_nextn(self.drafting, True, True)
        self.hidden = L.llama_model_n_embd(self.model)

    def close(self) -> None:
        L.llama_free(self.drafting)
        L.llama_model_free(self.drafter)
        M.mtmd_free(self.media)
        L.llama_free(self.context)
        L.llama_model_free(self.model)

    def tokens(self, text: str, *, special: bool) -> list[int]:
        data, room = text.encode(), (L.llama_token * (len(text.encode()) + 8))()
        count = L.llama_tokenize(self.vocab, data, len(data), room, len(room), False, special)
        return list(room[:count])

    def text(self, tokens: list[int]) -> str:
        pieces = b""
        for token in tokens:
            room = ctypes.create_string_buffer(64)
            size = L.llama_token_to_piece(self.vocab, token, room, 64, 0, True)
            pieces += room.raw[:size]
        return pieces.decode()

    def decode(self, tokens: list[int], position: int) -> np.ndarray:
        """Logits of every token, tokens × vocabulary."""
        batch = L.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, position + i, 1, 1
            batch.seq_id[i][0] = 0
        assert L.llama_decode(self.context, batch) == 0
        L.llama_batch_free(batch)
        return np.stack(
            [
                np.ctypeslib.as_array(L.llama_get_logits_ith(self.context, i), (self.size,)).copy()
                for i in range(len(tokens))
            ]
        )

    def states(self, count: int) -> np.ndarray:
        rows = X.llama_get_embeddings_nextn(self.context)
        return np.ctypeslib.as_array(rows, (count, self.hidden)).copy()

    def chunks(self, *parts: str | np.ndarray) -> list[tuple[int, object]]:
        """Token count and chunk of each part: text with control tokens, H×W×3 bytes, or float samples."""
        self.kept = M.mtmd_input_chunks_init()
        inputs, keep = [], []
        for part in parts:
            one = M.mtmd_input_part()
            if isinstance(part, str):
                data = part.encode()
                text = M.mtmd_input_text(text=data, text_len=len(data), add_special=False, parse_special=True)
                keep.append(text)
                one.text = pointer(text)
            elif part.dtype == np.uint8:
                data = (ctypes.c_uint8 * part.size).from_buffer_copy(part.tobytes())
                one.bitmap = M.mtmd_bitmap_init(part.shape[1], part.shape[0], data)
            else:
                samples = part.astype(np.float32)
                one.bitmap = M.mtmd_bitmap_init_from_audio(samples.size, samples.ctypes.data_as(POINTER(c_float)))
            inputs.append(one)
        array = (POINTER(M.mtmd_input_part) * len(inputs))(*[pointer(i) for i in inputs])
        assert M.mtmd_tokenize_from_parts(self.media, self.kept, array, len(inputs), True) == 0
        found = [M.mtmd_input_chunks_get(self.kept, i) for i in range(M.mtmd_input_chunks_size(self.kept))]
        return [(M.mtmd_input_chunk_get_n_tokens(chunk), chunk) for chunk in found]

    def prefill(self, *parts: str | np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
        """Positions used, logits and hidden state of the last token. The cache is emptied first."""
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        position, logits = 0, np.empty(0)
        for count, chunk in self.chunks(*parts):
            if M.mtmd_input_chunk_get_type(chunk) == M.MTMD_INPUT_CHUNK_TYPE_TEXT:
                size = ctypes.c_size_t()
                tokens = M.mtmd_input_chunk_get_tokens_text(chunk, byref(size))
                logits = self.decode(list(tokens[: size.value]), position)
                state = self.states(count)[-1]
                position += count
            else:
                assert M.mtmd_encode_chunk(self.media, chunk) == 0
                after = L.llama_pos()
                assert (
                    M.mtmd_helper_decode_image_chunk(
                        self.media,
                        self.context,
                        chunk,
                        M.mtmd_get_output_embd(self.media),
                        position,
                        0,
                        1152,
                        byref(after),
                        M.mtmd_helper_post_decode_callback(),
                        c_void_p(),
                    )
                    == 0
                )
                position = after.value
        M.mtmd_input_chunks_free(self.kept)
        return position, logits[-1], state

    def draft(self, token: int, state: np.ndarray, position: int, depth: int) -> list[int]:
        drafted: list[int] = []
        batch = L.llama_batch_init(1, self.hidden, 1)
        batch.n_tokens, batch.pos[0], batch.n_seq_id[0], batch.logits[0] = 1, position, 1, 1
        batch.seq_id[0][0] = 0
        one = (L.llama_token * 1)(token)
        batch.token = one
        for _ in range(depth):
            np.ctypeslib.as_array(batch.embd, (self.hidden,))[:] = state
            assert L.llama_decode(self.drafting, batch) == 0
            logits = np.ctypeslib.as_array(L.llama_get_logits_ith(self.drafting, 0), (self.size,))
            one[0] = int(logits.argmax())
            drafted.append(one[0])
            state = np.ctypeslib.as_array(X.llama_get_embeddings_nextn_ith(self.drafting, 0), (self.hidden,)).copy()
        batch.token = None
        L.llama_batch_free(batch)
        return drafted

    def greedy(self, count: int, *parts: str | np.ndarray, depth: int = 0) -> tuple[list[int], int, int]:
        """Tokens, how many were drafted, and how many of those accepted."""
        position, logits, state = self.prefill(*parts)
        answer, drafted, accepted = [int(logits.argmax())], 0, 0
        while len(answer) < count:
            guess = self.draft(answer[-1], state, position, depth) if depth else []
            rows = self.decode([answer[-1], *guess], position)
            states = self.states(len(guess) + 1)
            right = 0
            while right < len(guess) and int(rows[right].argmax()) == guess[right]:
                right += 1
            drafted, accepted = drafted + len(guess), accepted + right
            answer += [*guess[:right], int(rows[right].argmax())]
            state, position = states[right], position + right + 1
            assert L.llama_memory_seq_rm(L.llama_get_memory(self.context), 0, position, -1)
        return answer[:count], drafted, accepted


@pytest.fixture(scope="module")
def load() -> Iterator[Callable[..., Runner]]:
    """Loads the bundle of a spec's fields, once."""
    made: list[Runner] = []

    @cache
    def loaded(**fields: object) -> Runner:
        made.append(Runner(cached_bundle(TinySpec(**fields))))  # pyright: ignore[reportArgumentType] - fields of a spec
        return made[-1]

    yield loaded
    for runner in made:
        runner.close()


@pytest.fixture
def tiny(load: Callable[..., Runner]) -> Runner:
    return load()


def noise(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape, np.uint8) if len(shape) == 3 else 0.1 * rng.normal(size=shape)


def test_every_control_token_is_one_token_when_parsed_and_plain_characters_when_not(tiny: Runner) -> None:
    for index, text in enumerate(NAMES):
        assert tiny.tokens(text, special=True) == [index]
        # User-defined tokens such as <|tool_call> are found by llama.cpp in any text: see the native layer.
        if CONTROLS[index][1] == 3:
            assert index not in tiny.tokens(text, special=False)


def test_roles_of_tokens_are_gemmas(tiny: Runner) -> None:
    ends = {NAMES[i] for i in range(len(NAMES)) if L.llama_vocab_is_eog(tiny.vocab, i)}
    assert ends == {"<eos>", "<turn|>", "<|tool_response>"}
    assert (L.llama_vocab_bos(tiny.vocab), L.llama_vocab_eos(tiny.vocab)) == (2, 1)
    assert L.llama_vocab_get_add_bos(tiny.vocab)


@pytest.mark.parametrize(
    "text",
    [
        "What is on the screen?",
        'call:notes_append{text:"a", n:1.5, ok:true}',
        "Naïve “quotes”\n\n\n\ttab  two   three    four 漢字 🎉\r\n end ",
        "".join(chr(code) for code in range(1, 256)),
        "\n" * 40,
    ],
)
def test_any_text_comes_back_as_it_was(tiny: Runner, text: str) -> None:
    assert tiny.text(tiny.tokens(text, special=False)) == text


def test_english_and_json_take_few_tokens(tiny: Runner) -> None:
    english = "Please show me the list of all open windows, and then write a note about the meeting tomorrow morning."
    assert len(tiny.tokens(english, special=False)) < len(english) / 2.5
    json = '{"name": "notes_append", "arguments": {"text": "call the other hotel", "done": false}}'
    assert len(tiny.tokens(json, special=False)) < len(json) / 2


@pytest.mark.parametrize(("height", "width", "tokens"), [(480, 672, 140), (48, 48, 1), (960, 1632, 680)])
def test_an_image_takes_one_token_for_48_by_48_pixels(tiny: Runner, height: int, width: int, tokens: int) -> None:
    assert [count for count, _ in tiny.chunks(noise(1, height, width, 3), PROMPT)][1] == tokens


@pytest.mark.parametrize(("samples", "tokens"), [(16_000, 25), (640, 1), (641, 2), (48_000, 75)])
def test_sound_takes_one_token_for_640_samples(tiny: Runner, samples: int, tokens: int) -> None:
    assert [count for count, _ in tiny.chunks(noise(1, samples), PROMPT)][1] == tokens


def test_one_patch_one_frame_or_one_word_changes_the_logits(tiny: Runner) -> None:
    image, sound = noise(1, 480, 672, 3), noise(2, 16_000)
    _, base, _ = tiny.prefill(image, PROMPT, sound, PROMPT)
    assert np.array_equal(tiny.prefill(image, PROMPT, sound, PROMPT)[1], base)
    patch = image.copy()
    patch[240:288, 48:96] = noise(3, 48, 48, 3)
    frame = sound.copy()
    frame[3200:3840] = noise(4, 640)
    for parts in [
        (patch, PROMPT, sound, PROMPT),
        (image, PROMPT, frame, PROMPT),
        (image, PROMPT.replace("read", "show"), sound, PROMPT),
        (image, PROMPT, PROMPT),
        (PROMPT, image, sound, PROMPT),
    ]:
        assert np.abs(tiny.prefill(*parts)[1] - base).max() > 1e-3


def test_greedy_text_depends_on_the_picture_and_holds_no_control_token(tiny: Runner) -> None:
    one, _, _ = tiny.greedy(200, noise(1, 480, 672, 3), PROMPT)
    other, _, _ = tiny.greedy(200, noise(2, 480, 672, 3), PROMPT)
    assert one != other
    types = vocabulary(1024).types
    assert all(types[token] == NORMAL for token in one + other)
    assert len(set(one)) > 60


def test_a_drafter_is_right_as_often_as_it_is_told(load: Callable[..., Runner]) -> None:
    rates = {}
    for told in (0.0, 0.5, 1.0):
        runner, drafted, accepted = load(drafter_agreement=told), 0, 0
        for prompt in (PROMPT, OTHER_PROMPT):
            _, more, right = runner.greedy(160, prompt, depth=1)
            drafted, accepted = drafted + more, accepted + right
        rates[told] = accepted / drafted
    assert rates[0.0] < rates[0.5] < rates[1.0]
    assert all(rates[told] == pytest.approx(told, abs=0.15) for told in rates)


def test_drafting_with_pixels_and_sound_changes_no_token(load: Callable[..., Runner]) -> None:
    runner = load(drafter_agreement=1.0)
    parts = (noise(5, 240, 336, 3), PROMPT, noise(6, 8_000), OTHER_PROMPT)
    plain, none, _ = runner.greedy(80, *parts)
    drafted, count, accepted = runner.greedy(80, *parts, depth=3)
    assert drafted == plain
    assert none == 0
    assert accepted > count / 2


def test_stops_end_answers_and_strings_within_their_distance(load: Callable[..., Runner]) -> None:
    runner = load(stops=(("<turn|>", 9),))
    for prompt in (PROMPT, OTHER_PROMPT):
        answer, _, _ = runner.greedy(12, prompt)
        assert NAMES.index("<turn|>") in answer[:11]


def test_another_shape_and_half_precision_load_too() -> None:
    spec = TinySpec(vocab=700, hidden=96, layers=4, pattern=2, drafter_hidden=80, window=32, dtype="f16", seed=5)
    runner = Runner(cached_bundle(spec))
    answer, drafted, _ = runner.greedy(20, noise(1, 96, 96, 3), PROMPT, depth=2)
    assert len(answer) == 20
    assert drafted
    runner.close()


def test_the_same_spec_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    first, again = write_bundle(tmp_path / "a"), write_bundle(tmp_path / "b")
    other = write_bundle(tmp_path / "c", TinySpec(seed=1))
    for one, two, three in zip(first.files, again.files, other.files, strict=True):
        assert one.read_bytes() == two.read_bytes() != three.read_bytes()
    assert sum(path.stat().st_size for path in first.files) < 16_000_000


def test_the_cache_is_filled_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundle = cached_bundle()
    assert cached_bundle(TinySpec()) == bundle
    assert cached_bundle(TinySpec(seed=1)) != bundle
    assert len(list(bundle.main.parent.parent.iterdir())) == 2
    assert describe(bundle).drafts


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden": 130},
        {"layers": 5},
        {"pattern": 1},
        {"drafter_hidden": 128},
        {"drafter_hidden": 64},
        {"drafter_agreement": 1.5},
    ],
)
def test_sizes_that_make_no_model_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        TinySpec(**fields)


def test_a_vocabulary_that_is_too_small_and_a_stop_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no room"):
        vocabulary(300)
    with pytest.raises(ValueError, match="no token"):
        write_bundle(tmp_path, TinySpec(stops=(("<nothing>", 3),)))
