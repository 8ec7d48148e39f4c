"""Trajectories that are trained here."""
