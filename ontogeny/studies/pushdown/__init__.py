"""The push-down study: where syntax lives in the layers, and how it migrates."""
