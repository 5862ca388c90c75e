"""Owns how a checkpoint is made and measured."""
