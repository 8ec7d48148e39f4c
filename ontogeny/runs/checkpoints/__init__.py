"""Checkpoints: Hugging Face model folders, looked through, loaded and tried."""
