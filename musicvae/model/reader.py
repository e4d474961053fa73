"""A reader of damaged music: what stood where something is missing, given all that is left, before and after.

The encoder of a network reads whole music only. The reader begins as a copy of the network and learns to read music with gaps (and
with wrong notes): it says of any bar with gaps how its events are distributed (a denoising autoencoder: Vincent et al., 2008; for
music filled in: Huang et al., 2017). Two sources are mixed (a mixture of experts: Jacobs et al., 1991):

* the decoder, given an embedding of the bar: that which the conductor makes of what was read, and a correction;
* each other bar of the piece, taken as a model of this one. At each step such an expert copies the event of its bar, or copies its
  rhythm and leaves the pitch to the decoder, or leaves all to the decoder. How likely an expert is at the outset follows from how alike
  the bars around the two are; while the bar is written, experts that were wrong lose their weight (Bayes' rule).

Conventions: tokens (N, B, S) integers; gaps (N, B, S): 0 where the token counts, 1 where any event is unknown, 2 where a note is known
to start whose pitch is unknown; what tokens say there is not read. M bars are asked about: `rows` (M,) and `bars` (M,) name them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.conductor import Conductor
from musicvae.model.config import ModelConfig
from musicvae.model.decoder import Decoder
from musicvae.model.encoder import BarEncoder
from musicvae.model.heads import TwoStage
from musicvae.model.vae import MelodyVAE
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

__all__ = ["ANY", "PITCH", "Experts", "Reader", "alike_bars", "event_log_probs"]

ANY, PITCH = 1, 2
"""What is unknown of a step: its event, or the pitch of the note that starts there."""

_EVENTS = VOCABULARY_SIZE + 2
_REACH = 6  # bars on each side of two that are compared
_LOOKS = 2 * _REACH + 1
_HEADS, _KEY_SIZE, _LAG_SIZE, _HIDDEN = 8, 16, 32, 128
_WAYS = 3  # copy, rhythm alone, neither
_NEVER = -1e4


@dataclass(frozen=True)
class Experts:
    """What is expected of M bars. embeddings: (M, E), of the decoder; log_weights: (M, 1 + B), of it alone and of each bar as a model.

    ways: (M, B, S, 3), natural logarithms of the shares of copying, of copying the rhythm, of neither. models: (M, B, S), the
    tokens of the bars that are models. gaps: (M, S), of the bars themselves.
    """

    embeddings: Tensor
    log_weights: Tensor
    ways: Tensor
    models: Tensor
    gaps: Tensor


def alike_bars(tokens: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How alike bars are where both are known: shares of equal tokens and of equal classes (hold, note-off, onset), and whether any is.

    Each (N, B, B); shares are 0 where nothing is known of both. A note of unknown pitch is known to be an onset.
    """
    classes = torch.where(gaps == PITCH, FIRST_PITCH_TOKEN, tokens.clamp(max=FIRST_PITCH_TOKEN))
    known, heard = gaps == 0, gaps != ANY
    both, both_heard = (x[:, :, None] & x[:, None] for x in (known, heard))
    count, count_heard = both.sum(-1), both_heard.sum(-1)
    equal = ((tokens[:, :, None] == tokens[:, None]) & both).sum(-1)
    same = ((classes[:, :, None] == classes[:, None]) & both_heard).sum(-1)
    return equal / count.clamp(min=1), same / count_heard.clamp(min=1), count > 0


class Reader(BarEncoder):
    """p(bar | all that is known), as told above."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.tokens = nn.EmbeddingBag(len(KINDS) * MAX_STEPS_PER_BAR * _EVENTS, config.bar_size, mode="sum")
        self._add_layers(config)
        self.conductor = Conductor(config)
        self.decoder = Decoder(config)
        heard = config.bar_size + 2 * config.encoder_size
        self.doubt = nn.Parameter(torch.zeros(config.bar_size))
        self.query, self.key = (nn.Linear(heard, _HEADS * _KEY_SIZE) for _ in range(2))
        self.lag = nn.Embedding(2 * config.max_bars, _LAG_SIZE)
        self.kind = nn.Embedding(len(KINDS), _HIDDEN)
        self.pair = nn.Linear(4 * _LOOKS + _HEADS + _LAG_SIZE, _HIDDEN)
        last, to_embedding = nn.Linear(_HIDDEN, 1 + 2 * MAX_STEPS_PER_BAR * _WAYS), nn.Linear(config.bar_size, config.embedding_size)
        self.opinion = nn.Sequential(nn.GELU(), last)
        self.alone = nn.Linear(heard, 1)
        self.correction = nn.Sequential(nn.Linear(heard + config.bar_size, config.bar_size), nn.GELU(), to_embedding)
        nn.init.zeros_(self.kind.weight)
        for layer in (last, to_embedding):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        last.bias.data[1:].view(-1, _WAYS)[:, 0] = 2.0  # at first, bars are believed to be copies

    def start_from(self, vae: MelodyVAE) -> None:
        """Take the layers of a network of the same configuration; what is unknown is first read as a hold, or as a note of no pitch."""
        names = {name: name.removeprefix("encoder.") for name in vae.state_dict() if name != "encoder.tokens.weight"}
        self.load_state_dict({own: vae.state_dict()[name] for name, own in names.items()}, strict=False)
        rows = vae.encoder.tokens.weight.data.view(-1, VOCABULARY_SIZE, self.config.bar_size)
        pitches = rows[:, FIRST_PITCH_TOKEN:].mean(1, keepdim=True)
        self.tokens.weight.data.copy_(torch.cat([rows, rows[:, :1], pitches], 1).flatten(0, 1))

    def experts(self, tokens: Tensor, gaps: Tensor, kind: int, rows: Tensor, bars: Tensor, *, doubtful: bool = False) -> Experts:
        """What is expected of M bars. doubtful: whether some of what is given may be wrong."""
        n, total, steps = tokens.shape
        place = (torch.arange(steps, device=tokens.device) + kind * MAX_STEPS_PER_BAR) * _EVENTS
        events = torch.where(gaps > 0, gaps + (VOCABULARY_SIZE - 1), tokens)
        summed = self.tokens((events + place).flatten(0, 1)).view(n, total, -1)
        if doubtful:
            summed = summed + self.doubt
        alike, rhythm, any_known = alike_bars(tokens, gaps)
        mu, heard = self._read(summed, alike, any_known, kind)
        scores, ways = self._opinions(heard, self._looks(alike, rhythm, any_known), kind, rows, bars, steps, tokens)
        unknown = gaps[rows] > 0
        ways = torch.where(unknown[..., None], ways.new_tensor([_NEVER, _NEVER, 0.0]), ways)
        pooled = (scores.softmax(-1).to(summed.dtype)[:, None] @ summed[rows])[:, 0]
        own = heard[rows, bars]
        embeddings = self.conductor(mu, total, kind)[rows, bars] + self.correction(torch.cat([own, pooled], -1))
        log_weights = torch.cat([self.alone(own).float(), scores], -1).log_softmax(-1)
        return Experts(embeddings, log_weights, ways, tokens[rows], gaps[rows, bars])

    def _read(self, summed: Tensor, alike: Tensor, any_known: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """The mean of z (N, Z) and what is made of each bar (N, B, bar_size + 2 * encoder_size)."""
        bars = summed.shape[1]
        columns = torch.arange(bars, device=summed.device)[:, None] + self.lags - torch.arange(1, self.lags + 1, device=summed.device)
        share = F.pad(alike, (self.lags, 0)).gather(2, columns.expand(len(alike), -1, -1))
        whole = F.pad(((alike == 1) & any_known).float(), (self.lags, 0)).gather(2, columns.expand(len(alike), -1, -1))
        bar, tune = self.hear(summed, torch.cat([share, whole], -1).to(summed.dtype), kind)
        bar_mu = self.bar_heads(torch.cat([bar, tune], -1)).chunk(2, dim=-1)[0]
        tune_mu = self.tune_heads(torch.cat([tune.mean(1), tune.amax(1)], -1)).chunk(2, dim=-1)[0]
        mu = torch.cat([tune_mu, bar_mu.flatten(1)], -1)
        return F.pad(mu, (0, self.config.z_size - mu.shape[1])), torch.cat([bar, tune], -1)

    @staticmethod
    def _looks(alike: Tensor, rhythm: Tensor, any_known: Tensor) -> Tensor:
        """How alike the bars at equal distances from two bars are, (N, B, B, 4 * _LOOKS)."""
        bars = alike.shape[1]
        each = torch.stack([alike, rhythm, ((alike == 1) & any_known).to(alike.dtype), any_known.to(alike.dtype)], -1)
        padded = F.pad(each, (0, 0, _REACH, _REACH, _REACH, _REACH))
        return torch.cat([padded[:, d : d + bars, d : d + bars] for d in range(_LOOKS)], -1)

    def _opinions(
        self, heard: Tensor, looks: Tensor, kind: int, rows: Tensor, bars: Tensor, steps: int, tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Scores (M, B) of bars as models, and their ways (M, B, S, 3)."""
        m, total = len(rows), heard.shape[1]
        query = self.query(heard)[rows, bars].view(m, 1, _HEADS, _KEY_SIZE)
        products = (query * self.key(heard).view(-1, total, _HEADS, _KEY_SIZE)[rows]).sum(-1) / _KEY_SIZE**0.5
        lag = torch.arange(total, device=heard.device) - bars[:, None] + self.config.max_bars
        seen = torch.cat([looks[rows, bars].to(heard.dtype), products, self.lag(lag).to(heard.dtype)], -1)
        opinion = self.opinion(self.pair(seen) + self.kind.weight[kind]).float()
        itself = torch.arange(total, device=heard.device) == bars[:, None]
        scores = opinion[..., 0].masked_fill(itself, _NEVER)
        ways = opinion[..., 1:].view(m, total, 2, MAX_STEPS_PER_BAR, _WAYS)[:, :, :, :steps].log_softmax(-1)
        is_onset = (tokens[rows] >= FIRST_PITCH_TOKEN)[:, :, :, None]
        return scores, torch.where(is_onset, ways[:, :, 1], ways[:, :, 0])

    def decoder_scores(self, experts: Experts, tokens: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """The decoder's own log-probabilities of decisions (M, S, 3) and pitches (M, S, 88), given the tokens (M, S) before."""
        head = self.decoder.head
        assert isinstance(head, TwoStage)
        return head.scores(self.decoder(experts.embeddings[:, None], tokens[:, None, :, None], kind)[:, 0])

    def log_probs(self, experts: Experts, tokens: Tensor, kind: int) -> Tensor:
        """Log-probabilities (M, S) of the tokens (M, S) of the bars, each given those before it; 0 where they are known."""
        decisions, pitches = self.decoder_scores(experts, tokens, kind)
        gaps, classes = experts.gaps, tokens.clamp(max=FIRST_PITCH_TOKEN)
        decision = decisions.gather(-1, classes[..., None])[..., 0].masked_fill(gaps == PITCH, 0.0)
        pitch = pitches.gather(-1, (tokens - FIRST_PITCH_TOKEN).clamp(min=0)[..., None])[..., 0]
        given_class = pitch * (tokens >= FIRST_PITCH_TOKEN)
        own = decision + given_class
        models = experts.models
        copied = torch.where(models == tokens[:, None], experts.ways[..., 0], _NEVER)
        same = models.clamp(max=FIRST_PITCH_TOKEN) == classes[:, None]
        rhythm = torch.where(same, experts.ways[..., 1] + given_class[:, None], _NEVER)
        mixed = torch.logsumexp(torch.stack([copied, rhythm, experts.ways[..., 2] + own[:, None]]), 0)
        no_model = (gaps == PITCH)[:, None] & (models < FIRST_PITCH_TOKEN)
        mixed = torch.where(no_model, own[:, None], mixed)
        said = torch.cat([own[:, None], mixed], 1) * (gaps > 0)[:, None]
        before = experts.log_weights[..., None] + F.pad(said.cumsum(-1), (1, 0))
        believed = before.logsumexp(1)
        return believed[:, 1:] - believed[:, :-1]


def event_log_probs(ways: Tensor, models: Tensor, decisions: Tensor, pitches: Tensor, gap: Tensor) -> Tensor:
    """Log-probabilities (M, 1 + B, V) of all events at one step, by the decoder alone and with each bar as a model.

    ways: (M, B, 3); models: (M, B); decisions: (M, 3), pitches: (M, 88), the decoder's; gap: (M,). Where only the pitch is
    unknown, other events have next to no chance.
    """
    n, total = models.shape
    is_onset = gap == PITCH
    decisions = torch.where(is_onset[:, None], decisions.new_tensor([_NEVER, _NEVER, 0.0]), decisions)
    own = torch.cat([decisions[:, :FIRST_PITCH_TOKEN], decisions[:, FIRST_PITCH_TOKEN:] + pitches], -1)[:, None]
    given_class = torch.cat([torch.zeros_like(decisions[:, :FIRST_PITCH_TOKEN]), pitches], -1)[:, None]
    events = torch.arange(VOCABULARY_SIZE, device=models.device)
    same = events.clamp(max=FIRST_PITCH_TOKEN) == models.clamp(max=FIRST_PITCH_TOKEN)[..., None]
    copied = torch.where(events == models[..., None], ways[..., :1], _NEVER)
    rhythm = torch.where(same, ways[..., 1:2] + given_class, _NEVER)
    mixed = torch.logsumexp(torch.stack([copied, rhythm, ways[..., 2:] + own]), 0)
    # An expert whose bar has no onset here can say nothing of the pitch.
    no_model = is_onset[:, None] & (models < FIRST_PITCH_TOKEN)
    mixed = torch.where(no_model[..., None], own, mixed)
    return torch.cat([own, mixed], 1)
