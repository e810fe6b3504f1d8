"""Where a TorchScript model runs: a stand-in for torch, since a card is not here."""

from types import SimpleNamespace

import pytest

from modelyard_runtime.formats.torch import _device


def torch(*, there: bool, shares: list[float]) -> SimpleNamespace:
    return SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: there, set_per_process_memory_fraction=shares.append)
    )


@pytest.mark.parametrize(
    ("there", "share", "device", "told"),
    [
        (False, "0.5", "cpu", []),
        (True, "", "cuda", []),
        (True, "0.5", "cuda", [0.5]),
    ],
)
def test_a_model_runs_on_the_card_that_was_granted_and_keeps_to_its_part(
    monkeypatch: pytest.MonkeyPatch, there: bool, share: str, device: str, told: list[float]
) -> None:
    monkeypatch.setenv("MODELYARD_GPU_SHARE", share)
    shares: list[float] = []
    assert _device(torch(there=there, shares=shares)) == device
    assert shares == told
