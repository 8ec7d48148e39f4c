"""What the milestones of several seeds say together: agreement, coincidence, order."""
