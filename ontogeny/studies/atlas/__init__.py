"""The atlas: the milestones of all studies on one time axis, and what they say together."""
