"""The transducer's loss is the sum over all ways to say a text, and so is its gradient."""

from itertools import combinations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'hean[train]'")

from kws.train.loss import ctc_loss, flat_start_loss, transducer_loss  # noqa: E402

FRAMES, TOKENS = torch.tensor([5, 4, 3, 5]), torch.tensor([3, 1, 3, 0])


@pytest.fixture
def scores():
    """The scores of an encoder and of a predictor for 4 sequences, and what they should say."""
    torch.manual_seed(1)
    heard = (3 * torch.randn(4, 5, 6)).requires_grad_()
    text = (3 * torch.randn(4, 4, 6)).requires_grad_()
    return heard, text, torch.randint(1, 6, (4, 3))


def one_by_one(heard, text, targets, frames, tokens):
    """Return -log P, adding up each choice of frames that emit the tokens."""
    ways = []
    for emitting in combinations(range(frames), tokens):
        said, total = 0, torch.zeros(())
        for t in range(frames):
            likely = (heard[t] + text[said]).log_softmax(0)
            total = total + (likely[targets[said]] if t in emitting else likely[0])
            said += t in emitting
        ways.append(total)
    return -torch.logsumexp(torch.stack(ways), 0)


def test_it_is_the_sum_over_all_paths(scores):
    heard, text, targets = scores
    loss = transducer_loss(heard, text, targets, (FRAMES, TOKENS))
    sizes = zip(heard, text, targets, FRAMES.tolist(), TOKENS.tolist(), strict=True)
    expected = torch.stack([one_by_one(*each) for each in sizes])
    assert torch.allclose(loss, expected, atol=1e-4)
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    found = torch.autograd.grad((loss * weights).sum(), (heard, text))
    right = torch.autograd.grad((expected * weights).sum(), (heard, text))
    for gradient, wanted in zip(found, right, strict=True):
        assert torch.allclose(gradient, wanted, atol=1e-4)


def test_padding_counts_for_nothing(scores):
    heard, text, targets = scores
    loss = transducer_loss(heard, text, targets, (FRAMES, TOKENS))
    with torch.no_grad():
        for number, (frames, tokens) in enumerate(zip(FRAMES, TOKENS, strict=True)):
            heard[number, frames:] = 50.0
            text[number, tokens + 1 :] = -50.0
            targets[number, tokens:] = 0
    again = transducer_loss(heard, text, targets, (FRAMES, TOKENS))
    assert torch.allclose(loss, again, atol=1e-4)


@pytest.mark.parametrize("size", [0.0, 60.0])
def test_gradients_are_numbers_even_for_a_model_that_is_very_sure_and_wrong(size):
    torch.manual_seed(2)
    heard = (size * torch.randn(2, 40, 9)).requires_grad_()
    text = (size * torch.randn(2, 16, 9)).requires_grad_()
    targets, lengths = (
        torch.randint(1, 9, (2, 15)),
        (torch.tensor([40, 15]), torch.tensor([15, 15])),
    )
    transducer_loss(heard, text, targets, lengths).sum().backward()
    for gradient in (heard.grad, text.grad):
        assert torch.isfinite(gradient).all()


def test_more_tokens_than_frames_cost_very_much_and_break_nothing():
    heard, text = torch.zeros(1, 2, 4, requires_grad=True), torch.zeros(1, 4, 4)
    targets, lengths = torch.tensor([[1, 2, 3]]), (torch.tensor([2]), torch.tensor([3]))
    loss = transducer_loss(heard, text, targets, lengths)
    loss.sum().backward()
    assert loss.item() > 1e6
    assert torch.isfinite(heard.grad).all()
    assert ctc_loss(heard, targets, lengths).item() == 0


def test_the_flat_start_is_about_the_token_being_said():
    now = torch.tensor([[3, 3, 3, 1, 1, 1, 0, 0]])
    right = torch.nn.functional.one_hot(now, 4) * 30.0
    assert flat_start_loss(right, now).item() == pytest.approx(0, abs=1e-6)
    assert flat_start_loss(right.flip(1), now).item() > 10
