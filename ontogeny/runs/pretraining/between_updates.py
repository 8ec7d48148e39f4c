"""What a trajectory's training does before its first update and around each one."""

from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from ontogeny.runs.pretraining.batches import DROP, generator

if TYPE_CHECKING:
    from ontogeny.runs.pretraining.trainer import TrajectoryTrainer


class BetweenUpdates(TrainerCallback):
    """Calls the trainer back where Trainer itself has no place to do so."""

    def __init__(self, trainer: "TrajectoryTrainer") -> None:
        """Call this trainer back."""
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the checkpoint of step 0."""
        self.trainer.network.train()
        if state.global_step == 0:
            self.trainer.keep_checkpoint(self.trainer.look_at_dev_loss())

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Seed what an update draws."""
        # Dropout, too, depends on seed, update and device alone, whatever was drawn before.
        draws = generator(args.seed, DROP, state.global_step, args.process_index)
        number = int(draws.integers(2**63))
        # Not torch.manual_seed, which without a GPU leaves a note for it, with a traceback.
        torch.default_generator.manual_seed(number)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed(number)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Do what is due after an update."""
        self.trainer.after_update()
