"""Transformers' Trainer, with batches, checkpoints and states as a trajectory needs them."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
)

from ontogeny.errors import TrainingError
from ontogeny.files import atomic_path, remove_folder
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.pretraining.batches import Batch, as_tensors
from ontogeny.runs.pretraining.between_updates import BetweenUpdates
from ontogeny.runs.pretraining.loss_record import TRAIN_LOSS, LossRecord
from ontogeny.runs.pretraining.plateau import Plateau
from ontogeny.runs.pretraining.streams import load_state, save_state
from ontogeny.runs.pretraining.syntactic_attention import syntactic_attention
from ontogeny.runs.pretraining.training_arguments import schedule_of_rates, training_arguments
from ontogeny.runs.recipes import Recipe
from ontogeny.runs.recurrence import State
from ontogeny.runs.regularizers import SYNTACTIC_ATTENTION, stage_at

LOSSES_AT_ONCE = 50  # read from the device together, so that it needn't wait after each update
PROGRESS = "progress.json"
SECONDS_BETWEEN_MESSAGES = 15.0

logger = logging.getLogger("ontogeny")


class TrajectoryTrainer(Trainer):
    """Train a model and keep its checkpoints.

    `batch_of(update)` gives the batch of an update, the same on every device, which takes its own
    share of it. Where updates read streams on, `updates_of_a_pass` says after how many of them they
    begin anew. `dev_loss(model)` gives the loss on the dev text, or None. Checkpoints go into
    `working/step-{step}`, states to resume from into `working/state-{step}`; each is whole or
    absent. Raises `TrainingError`, before anything of that step is kept, when a loss or a weight
    is no longer a number.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        recipe: Recipe,
        *,
        run: str,
        seed: int,
        working: Path,
        batch_of: Callable[[int], Batch],
        dev_loss: Callable[[PreTrainedModel], float | None],
        updates_of_a_pass: int | None = None,
    ) -> None:
        """Set everything up; `train` trains."""
        self.network = model  # never wrapped, whatever Trainer does to its own
        self.tokenizer = tokenizer
        self.recipe = recipe
        self.trajectory = (run, seed)
        self.working = working
        self._weights = list(model.parameters())
        self.batch_of = batch_of
        self.dev_loss = dev_loss
        self.updates_of_a_pass = updates_of_a_pass
        self.carried: State | None = None  # from one update on streams to the next
        self.record = LossRecord()
        self.plateau = Plateau()
        self.dev_every = (
            (recipe.dev_every or updates_of_a_pass) if recipe.decay == "plateau" else None
        )
        self.at = -1  # step of the last state or checkpoint, so that none is saved twice
        self._said = time.monotonic()
        super().__init__(model=model, args=training_arguments(recipe, seed, working))
        self.remove_callback(PrinterCallback)
        self.add_callback(BetweenUpdates(self))
        self._selected = torch.empty(0, dtype=torch.long)
        # The scores over the vocabulary are the costliest part of a small model: compute them only
        # where something has to be predicted.
        output = model.get_output_embeddings()
        if output is None:
            raise TrainingError(f"run {run}: its architecture has no output embeddings.")
        output.register_forward_pre_hook(self._select)

    def _select(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
        """Keep of `(batch, tokens, width)` only the selected positions: `(predictions, width)`."""
        return (inputs[0].flatten(0, 1)[self._selected],)

    def token_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over predictions of the cross entropy, in nats; shape ()."""
        return self._sum_of_losses(self._outputs(model, inputs), inputs)

    def _outputs(self, model: torch.nn.Module, inputs: dict[str, Any], **settings: Any) -> Any:
        self._selected = inputs["positions"]
        if self.updates_of_a_pass is not None:
            settings["state"] = self.carried
        outputs = model(
            input_ids=inputs["tokens"],
            attention_mask=inputs["attended"],
            use_cache=False,
            **settings,
        )
        if self.updates_of_a_pass is not None:
            hidden, cell = outputs.state
            self.carried = hidden.detach(), cell.detach()
        return outputs

    def _sum_of_losses(self, outputs: Any, inputs: dict[str, Any]) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(
            outputs.logits.float(), inputs["targets"], reduction="sum"
        )

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
        """Return this device's part of the update's mean loss, shape ().

        With a regularizer, the mean over words of what it regularizes comes on top. The parts of
        all devices add up to the means over the update's predictions and words. Gradients are
        averaged over devices, so the part is scaled up by their number where it is differentiated.
        """
        stage = stage_at(self.recipe.regularizer, self.state.global_step)
        if stage is None or not inputs["edges"]:
            part = self.token_losses(model, inputs) / inputs["count"]
            self.record.add(TRAIN_LOSS, part.detach())
            return part * self.args.world_size
        with eager_attention(self.network):
            outputs = self._outputs(model, inputs, output_attentions=True)
        part = self._sum_of_losses(outputs, inputs) / inputs["count"]
        along_edges = syntactic_attention(
            outputs.attentions, inputs["word"], inputs["head"], stage.reduce
        )
        attention = along_edges / inputs["edges"]
        self.record.add(TRAIN_LOSS, part.detach())
        self.record.add(SYNTACTIC_ATTENTION, attention.detach())
        return (part + stage.strength * attention) * self.args.world_size

    # What follows does what Trainer does, less what it does again at each update of a model that
    # may have changed meanwhile: walking all modules to set their mode, to find their parameters
    # or to count them. For a small model that takes as long as the arithmetic.

    def training_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
        """Compute gradients for a batch; return the loss, shape ()."""
        if self.updates_of_a_pass and self.state.global_step % self.updates_of_a_pass == 0:
            self.carried = None
        loss = self.compute_loss(model, self._prepare_inputs(inputs))
        self.accelerator.backward(loss)
        return loss.detach()

    def _clip_grad_norm(self, model: Any) -> torch.Tensor:
        return torch.nn.utils.clip_grad_norm_(self._weights, self.recipe.max_gradient_norm)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        return grad_norm

    def floating_point_ops(self, inputs: dict[str, torch.Tensor | Any]) -> int:
        """Return 0, as nobody asks."""
        return 0

    def get_train_dataloader(self) -> Any:
        """Return the batches from the update on at which training starts or resumes."""
        return self._batches()

    def _batches(self) -> Iterator[dict[str, Any]]:
        for update in range(max(self.at, 0), self.recipe.steps[-1]):
            batch = self.batch_of(update)
            part = batch.share(self.args.process_index, self.args.world_size)
            count = max(len(batch.targets), 1)
            yield {**as_tensors(part), "count": count, "edges": batch.edges}

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return the schedule of learning rates (`schedule_of_rates`)."""
        if self.lr_scheduler is None:
            optimizer = self.optimizer if optimizer is None else optimizer
            factor = schedule_of_rates(self.recipe, lambda: len(self.plateau.steps))
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def read_losses(self) -> None:
        """Take the losses from the device. Raises `TrainingError` if one is not finite."""
        losses = self.record.read(shared=self.args.world_size > 1)
        first = self.state.global_step - len(losses) + 1
        for update, value in enumerate(losses, start=first):
            if not math.isfinite(value):
                self._refuse(f"the training loss is {value} at step {update}")

    def _refuse(self, what: str) -> None:
        run, seed = self.trajectory
        raise TrainingError(
            f"run {run}, seed {seed}: {what}. Try a lower learning_rate (now "
            f"{self.recipe.learning_rate:g}), a longer warmup (now {self.recipe.warmup:g}) or a "
            f"smaller max_gradient_norm (now {self.recipe.max_gradient_norm:g})."
        )

    def look_at_dev_loss(self) -> float | None:
        """Return the loss on the dev text, or None; raise `TrainingError` if it isn't finite."""
        dev = self.dev_loss(self.network)
        if dev is not None and not math.isfinite(dev):
            self._refuse(f"the dev loss is {dev} at step {self.state.global_step}")
        return dev

    def rescale(self, dev: float | None) -> None:
        """Lower the learning rate if the dev loss failed to improve."""
        step = self.state.global_step
        if dev is None or not self.plateau.look(step, dev):
            return
        groups = self.optimizer.param_groups if self.optimizer else []
        for group in groups:
            group["lr"] *= self.recipe.decay_factor
        self.record.rescaled(step, groups[0]["lr"])

    def keep_checkpoint(self, dev: float | None) -> None:
        """Save the model as it is now, with the losses; `dev` is that on the dev text."""
        step = self.state.global_step
        if not all(bool(weights.isfinite().all()) for weights in self.network.parameters()):
            self._refuse(f"a weight is no longer a finite number at step {step}")
        self.record.checkpoint(step, dev)
        if self.args.should_save:
            with atomic_path(self.working / f"step-{step}") as scratch:
                self.network.save_pretrained(scratch)
                self.tokenizer.save_pretrained(scratch)
        self.say("checkpoint kept")

    def say(self, what: str) -> None:
        """Log one line: run, seed, step, the newest losses, and what happened."""
        if not self.args.should_save:
            return
        run, seed = self.trajectory
        values = ", ".join(
            f"{name} {value:.4f}" for name, value in sorted(self.record.newest().items())
        )
        logger.info(
            "run %s, seed %d, step %d of %d: %s%s%s",
            run,
            seed,
            self.state.global_step,
            self.recipe.steps[-1],
            what,
            ": " if values else "",
            values,
        )
        self._said = time.monotonic()

    def after_update(self) -> None:
        """Do what is due after an update: read losses, keep a checkpoint, save a state."""
        step = self.state.global_step
        scheduled = step in self.recipe.steps
        state_due = scheduled or step % self.recipe.state_every == 0
        if state_due or self.record.unread >= LOSSES_AT_ONCE:
            self.read_losses()
        plateau = self.dev_every is not None and step % self.dev_every == 0
        dev = self.look_at_dev_loss() if scheduled or plateau else None
        if plateau:
            self.rescale(dev)
        if scheduled:
            self.keep_checkpoint(dev)
        if state_due:
            self.save_state()
        elif time.monotonic() - self._said > SECONDS_BETWEEN_MESSAGES:
            self.say("training")

    def save_state(self) -> None:
        """Save what resuming needs, then remove the states before it."""
        self.at = self.state.global_step
        if not self.args.should_save:
            return
        with atomic_path(self.working / f"state-{self.at}") as scratch:
            self.network.save_pretrained(scratch)
            self._save_optimizer_and_scheduler(str(scratch))
            self.state.save_to_json(str(scratch / "trainer_state.json"))
            save_state(self.carried, scratch)
            progress = self.record.state() | {"plateau": self.plateau.state()}
            (scratch / PROGRESS).write_text(json.dumps(progress))
        for older in self.working.glob("state-*"):
            if older.name != f"state-{self.at}":
                remove_folder(older)

    def resume(self, step: int) -> None:
        """Continue from the state saved after `step` updates, in `working`."""
        state = self.working / f"state-{step}"
        progress = json.loads((state / PROGRESS).read_text())
        self.record.restore(progress)
        self.plateau.restore(progress["plateau"])
        self.carried = load_state(state, self.args.device)
        self.at = step
        self.train(resume_from_checkpoint=str(state))
